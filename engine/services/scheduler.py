"""The scheduler: fires triggers when they are due. Any number may run; each nominal time counts once."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from engine.broker.interface import Broker
from engine.clock import Clock, NewId, new_id
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.services.service import LoopService
from engine.services.wakes import wake
from engine.store.database import Database
from engine.store.triggers import Fired, FiringOutcome, Recorded, due, next_due_at, record
from engine.telemetry.instruments import FIRINGS, LATENESS

REVISIONS_MAX: Final = 2_000
BATCH_TRIGGERS_MAX: Final = 100
"""Triggers of one transaction: at four rows each, below the 500 that a write may take."""
FIRINGS_MAX: Final = 200
SLEEP_SECONDS_MAX: Final = 1.0
"""How long a trigger that another process has written may go unseen."""


class Scheduler(LoopService):
    """The loop that claims due triggers, creates their runs and moves them on.

    A scheduler that dies anywhere has either fired or not: the ledger, the runs and the trigger's next time are one
    transaction.
    """

    name = "scheduler"

    def __init__(
        self,
        database: Database,
        broker: Broker,
        *,
        clock: Clock | None = None,
        ids: NewId = new_id,
        revisions: RevisionCache | None = None,
    ) -> None:
        super().__init__()
        self._database = database
        self._broker = broker
        self._clock = clock or database.now
        self._firings = Firings(revisions or RevisionCache(database, REVISIONS_MAX), ids)
        self._poked = threading.Event()

    def poke(self) -> None:
        """Look again at once: a trigger was written."""
        self._poked.set()

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self.poke()

    def turn(self) -> None:
        """Sleep until something is due, or fire it. The stop may come before `clear`, so it is looked at after."""
        self._poked.clear()
        if self.stopping:
            return
        seconds = self._patience()
        if seconds > 0:
            self._poked.wait(seconds)
        else:
            self.fire()

    def fire(self) -> int:
        """Fire one batch of what is due now; return how many triggers were due."""
        now = self._clock()
        return self._fire_locked(now) if self._database.dialect == "postgresql" else self._fire_seen(now)

    def _fire_locked(self, now: datetime) -> int:
        """Lock the rows first, so that schedulers share the work; others wait for none of these rows."""
        with self._database.write() as connection:
            found = due(connection, now, BATCH_TRIGGERS_MAX, lock=True)
            recorded = record(connection, self._firings.prepare(found, now), now, locked=True) if found else None
        if recorded is not None:
            self._fired(recorded)
        return len(found)

    def _fire_seen(self, now: datetime) -> int:
        """Evaluate before the transaction: SQLite has one writer, and expressions must not keep it from the others."""
        with self._database.read() as connection:
            found = due(connection, now, BATCH_TRIGGERS_MAX)
        for batch in _batches(self._firings.prepare(found, now)):
            with self._database.write() as connection:
                recorded = record(connection, batch, now)
            self._fired(recorded)
        return len(found)

    def _fired(self, recorded: Recorded) -> None:
        """After the commit: wake the runs, count how late they are."""
        wake(self._broker, [run.id for run in recorded.runs])
        now = self._clock()
        for fired in recorded.fired:
            for firing in fired.firings:
                FIRINGS.add(1, str(firing.outcome))
            if fired.firings and fired.firings[0].outcome is FiringOutcome.RUN:
                LATENESS.record((now - fired.trigger.next_at).total_seconds())

    def _patience(self) -> float:
        """Return for how many seconds nothing is due, as far as it matters: one small read, all that idling costs."""
        with self._database.read() as connection:
            next_at = next_due_at(connection)
        if next_at is None:
            return SLEEP_SECONDS_MAX
        return min(max((next_at - self._clock()).total_seconds(), 0.0), SLEEP_SECONDS_MAX)


def _batches(fired: Sequence[Fired]) -> Iterator[list[Fired]]:
    """Cut into transactions of at most `FIRINGS_MAX` firings; one trigger's stay together."""
    batch: list[Fired] = []
    size = 0
    for item in fired:
        if batch and size + len(item.firings) > FIRINGS_MAX:
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item.firings)
    if batch:
        yield batch
