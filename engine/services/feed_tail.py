"""Reads new events once for all streams of a process, while there is a stream."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.feed import FeedRow, events_after, newest_event

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.5
FAILED_SECONDS: Final = 5.0
ROWS_MAX: Final = 500
FOLLOWERS_MAX: Final = 200
"""How many streams a process has at most."""

Told = Callable[[Sequence[FeedRow]], None]
"""Takes new events in their order, in the tail's thread, without blocking; none: the process stops."""


class FeedTail:
    """The end of the feed. Its thread runs while somebody follows, and looks twice a second."""

    def __init__(self, database: Database, closing: threading.Event, poll_seconds: float = POLL_SECONDS) -> None:
        self._database = database
        self._closing = closing
        self._poll_seconds = poll_seconds
        self._lock = threading.Lock()
        self._followers: set[Told] = set()
        self._position = 0
        self._thread: threading.Thread | None = None

    @property
    def full(self) -> bool:
        """Whether there are as many followers as there may be."""
        return len(self._followers) >= FOLLOWERS_MAX

    def follow(self, told: Told) -> int:
        """Have `told` called with all events after the one whose id is returned. Raises what the store raises."""
        with self._lock:
            if self._thread is None:
                with self._database.read() as connection:
                    self._position = newest_event(connection)
                self._thread = threading.Thread(target=self._run, name="feed-tail", daemon=True)
                self._thread.start()
            self._followers.add(told)
            return self._position

    def leave(self, told: Told) -> None:
        """Stop calling `told`. Idempotent."""
        with self._lock:
            self._followers.discard(told)

    def _run(self) -> None:
        seconds = 0.0
        while not self._closing.wait(seconds) and not self._over():
            try:
                seconds = 0.0 if self._look() == ROWS_MAX else self._poll_seconds
            except StoreError as error:
                log.warning("new events cannot be read: %s", error)
                seconds = FAILED_SECONDS
        self._hand(())

    def _over(self) -> bool:
        with self._lock:
            if self._followers:
                return False
            self._thread = None
            return True

    def _look(self) -> int:
        with self._database.read() as connection:
            rows = events_after(connection, self._position, ROWS_MAX)
        if rows:
            self._hand(rows)
        return len(rows)

    def _hand(self, rows: Sequence[FeedRow]) -> None:
        with self._lock:
            called = list(self._followers)
            if rows:
                self._position = rows[-1].id
        for told in called:
            told(rows)
