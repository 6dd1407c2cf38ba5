"""An executor's fair share of the events queues.

The first executor gets every queue, later ones stand by. One that has held more than its share (all queues, divided by
the live executors, rounded up) for `SURPLUS_SECONDS` leaves the surplus ones and stands by for them, behind the others.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from engine.broker.interface import EVENT_QUEUES, GroupConsumer
from engine.clock import Clock
from engine.store.database import Database
from engine.store.executors import forget_executor, renew_executor

log = logging.getLogger(__name__)

RENEW_SECONDS: Final = 10.0
LIVE_SECONDS: Final = 30.0
"""How long an executor counts as live without a renewal."""
SURPLUS_SECONDS: Final = 30.0
"""How long a surplus must last: a restart of the other executors moves no queue."""


def surplus(held: Iterable[str], live: int, queues: int = EVENT_QUEUES) -> list[str]:
    """Return which of the held queues are more than the share of one of `live` executors."""
    share = -(-queues // max(live, 1))
    return sorted(held)[share:]


class Shares:
    """Keeps this executor's row, and says now and then which queues to leave. Not for several threads."""

    def __init__(self, database: Database, consumer: GroupConsumer, clock: Clock, executor_id: str) -> None:
        self._database = database
        self._consumer = consumer
        self._clock = clock
        self._id = executor_id
        self._next_at: datetime | None = None
        self._surplus_since: datetime | None = None

    def patience(self) -> float:
        """Return the seconds until the next look."""
        if self._next_at is None:
            return 0.0
        return max((self._next_at - self._clock()).total_seconds(), 0.0)

    def look(self) -> list[str]:
        """If it is time, renew the row and leave what is surplus; return the queues that were left.

        To be called between batches, with nothing unacknowledged in hand. Raises what the store raises.
        """
        now = self._clock()
        if self._next_at is not None and now < self._next_at:
            return []
        self._next_at = now + timedelta(seconds=RENEW_SECONDS)
        with self._database.write() as connection:
            ttl = timedelta(seconds=LIVE_SECONDS)
            live = renew_executor(connection, self._id, self._database.now(), ttl)
        left = self._due(surplus(self._consumer.held, live), now)
        for queue in left:
            self._consumer.leave(queue)
            self._consumer.join(queue)
        if left:
            log.info("%d events queues go to other executors, of which there are %d", len(left), live - 1)
        return left

    def end(self) -> None:
        """Give the row up. Raises what the store raises."""
        with self._database.write() as connection:
            forget_executor(connection, self._id)

    def _due(self, found: list[str], now: datetime) -> list[str]:
        if not found:
            self._surplus_since = None
            return []
        if self._surplus_since is None:
            self._surplus_since = now
        if now - self._surplus_since < timedelta(seconds=SURPLUS_SECONDS):
            return []
        self._surplus_since = None
        return found
