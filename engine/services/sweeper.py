"""The sweeps: find what lost messages would have said, and say it again. None of them changes a run's state."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from engine.broker.interface import Broker, BrokerError, tasks_queue
from engine.broker.messages import Offer, encode
from engine.clock import Clock, system_clock
from engine.services.service import LoopService
from engine.services.wakes import wake
from engine.store import holders, sweeps
from engine.store.database import Database
from engine.store.sessions import signal_lost

log = logging.getLogger(__name__)

DISPATCH_SECONDS: Final = 5.0
DUE_SECONDS: Final = 2.0
TURN_SECONDS: Final = 2.0
RESEND_SECONDS: Final = 60.0


@dataclass(slots=True)
class Found:
    """How often each sweep found something, since the start."""

    unsent: int = 0
    short: int = 0
    woken: int = 0
    orphaned: int = 0
    overdue: int = 0
    stale_holders: int = 0
    room: int = 0
    pools_short: dict[str, int] = field(default_factory=dict)


class Sweeper(LoopService):
    """The loop of all sweeps; one process at a time runs it."""

    name = "sweeper"

    def __init__(
        self, database: Database, broker: Broker, *, ttl_seconds: float = 7.0, clock: Clock = system_clock
    ) -> None:
        super().__init__()
        self._database = database
        self._broker = broker
        self._clock = clock
        self._ttl = timedelta(seconds=ttl_seconds)
        self._dispatched_at: datetime | None = None
        self.found = Found()

    def start(self) -> None:
        """Sweep once, then start the loop."""
        self.sweep()
        super().start()

    def sweep(self) -> None:
        """Run every sweep that is due, if no other process is at it."""
        with self._database.exclusive("sweeper") as mine:
            if not mine:
                return
            now = self._database.now()
            self._wake(now)
            self._orphans(now)
            self._overdue(now)
            self._room(now)
            if self._dispatched_at is None or now - self._dispatched_at >= timedelta(seconds=DISPATCH_SECONDS):
                self._dispatched_at = now
                self._dispatch(now)
                self._refill(now)

    def turn(self) -> None:
        """Sweep once a turn."""
        if self.pause(TURN_SECONDS):
            self.sweep()

    def _dispatch(self, now: datetime) -> None:
        """Sweep 1: attempts whose offer was never known to be in the broker."""
        with self._database.read() as connection:
            found = sweeps.unsent(connection, now - timedelta(seconds=DISPATCH_SECONDS))
        self._offer(found, now)
        self.found.unsent += len(found)

    def _refill(self, now: datetime) -> None:
        """Sweep 1: pools where more wait in the database than the broker and the workers can account for."""
        with self._database.read() as connection:
            queued = sweeps.queued_by_pool(connection)
        short: dict[str, int] = {}
        for pool, number in queued.items():
            missing = number - self._depth(pool)
            if missing > 0:
                short[pool] = missing
        for pool, missing in short.items():
            if pool not in self.found.pools_short:
                continue  # the first look may have seen offers on their way to a claim
            with self._database.read() as connection:
                sent_before = now - timedelta(seconds=RESEND_SECONDS)
                found = sweeps.oldest_queued(connection, pool, missing, sent_before)
            self._offer(found, now)
            self.found.short += len(found)
        self.found.pools_short = short

    def _depth(self, pool: str) -> int:
        try:
            return self._broker.depth(tasks_queue(pool))
        except BrokerError as error:
            log.warning("the depth of pool %s is not known: %s", pool, error)
            return 1 << 30

    def _offer(self, found: list[sweeps.QueuedAttempt], now: datetime) -> None:
        if not found:
            return
        log.info("%d attempts are offered again", len(found))
        by_pool: dict[str, list[bytes]] = {}
        for attempt in found:
            by_pool.setdefault(attempt.pool, []).append(encode(Offer(attempt=attempt.attempt, kind=attempt.kind)))
        for pool, bodies in by_pool.items():
            self._broker.publish(tasks_queue(pool), bodies)
        with self._database.write() as connection:
            sweeps.mark_sent(connection, found, now)

    def _wake(self, now: datetime) -> None:
        """Sweep 2: signals that are due, and queued runs that wait for nothing."""
        with self._database.read() as connection:
            found = sweeps.runs_to_wake(connection, now - timedelta(seconds=DUE_SECONDS))
        wake(self._broker, found)
        self.found.woken += len(found)

    def _orphans(self, now: datetime) -> None:
        """Sweep 3: running attempts without a live session; a worker that restarts gets time to take over its own."""
        with self._database.read() as connection:
            found = sweeps.without_session(connection, now - 2 * self._ttl)
        if found:
            with self._database.write() as connection:
                woken = signal_lost(connection, found, now)
            wake(self._broker, woken)
            self.found.orphaned += len(found)

    def _overdue(self, now: datetime) -> None:
        """Sweep 4: attempts whose deadline, grace and lease have all passed."""
        with self._database.read() as connection:
            if not sweeps.any_overdue(connection, now - self._ttl):
                return
        with self._database.write() as connection:
            woken = sweeps.signal_overdue(connection, now - self._ttl, now)
        wake(self._broker, woken)
        self.found.overdue += len(woken)

    def _room(self, now: datetime) -> None:
        """Sweep 5: resources held by runs that have ended, and free ones that somebody waits for."""
        with self._database.read() as connection:
            stale = sweeps.holders_of_ended_runs(connection)
            free = sweeps.resources_with_room(connection)
        if stale or free:
            self._repair(stale, free, now)

    def _repair(self, stale: list[str], free: list[str], now: datetime) -> None:
        if stale:
            log.error("runs that have ended still held something, which must not be: %s", ", ".join(stale))
        with self._database.write() as connection:
            woken = holders.release(connection, stale, now) | holders.grant_waiting(connection, free, now)
        wake(self._broker, woken)
        self.found.stale_holders += len(stale)
        self.found.room += len(free)
