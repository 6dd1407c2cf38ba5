"""Which workers' sessions are live, as far as a grant needs to know (A2)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from engine.clock import Clock
from engine.machine.events import Claimed
from engine.store.database import Database
from engine.store.sessions import live_sessions

FRESH: Final = timedelta(seconds=2)


class LiveSessions:
    """The live sessions, read again every two seconds while there are claims, and at once for an unknown one.

    A grant to a session that has ended meanwhile does no harm: the sweep finds it and the attempt is lost.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._live: frozenset[str] = frozenset()
        self._read_at: datetime | None = None

    def look_up(self, sessions: Iterable[str]) -> None:
        """Make sure that `mark` knows these."""
        wanted = set(sessions)
        if not wanted:
            return
        now = self._clock()
        if self._read_at is not None and now - self._read_at < FRESH and wanted <= self._live:
            return
        with self._database.read() as connection:
            self._live = frozenset(live_sessions(connection))
        self._read_at = now

    def mark(self, event: Claimed) -> Claimed:
        """Return the claim with `session_live` set as it is."""
        return event if event.session in self._live else replace(event, session_live=False)
