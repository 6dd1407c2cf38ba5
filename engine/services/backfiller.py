"""The backfiller: carries backfills on. Any number may run; each nominal time counts once in each backfill.

A turn decides the next times of every running backfill, in its order, until as many of its runs are on their way as it
may have; it makes none while tasks of other runs wait for workers that it needs too. Whoever dies anywhere has either
decided a batch of times or not.
"""

import logging
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Final

from engine.backfilling import BackfillState, Why
from engine.broker.interface import Broker, BrokerError
from engine.clock import Clock, NewId, new_id
from engine.machine.graph import worker_pools
from engine.schedule.backfill import Decision, decide, past_times
from engine.services.asked_backfills import schedule_of
from engine.services.firing import Occasion, fire
from engine.services.revision_cache import ReadyRevision, RevisionCache
from engine.services.service import LoopService
from engine.services.wakes import wake
from engine.store.backfills import record_times, switch_backfill
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.reads_backfills import (
    BackfillRow,
    is_archived,
    newest_runs,
    next_live_time,
    open_runs,
    pools_in_demand,
    running_backfills,
)
from engine.store.triggers import Firing, FiringOutcome

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 1.0
"""How long a new backfill waits at most for its first run."""
BUSY_SECONDS_MIN: Final = 0.05
BUSY_SECONDS_MAX: Final = 0.5
"""How long the next run of a backfill waits at most, once there is room for it: longer while nothing changes."""
BUSY_GROWTH: Final = 1.5
BATCH_TIMES_MAX: Final = 100
"""Times of one transaction: at four rows each, below the 500 that a write may take."""
KEPT_MAX: Final = 64
"""Backfills whose times are kept in memory."""


class Progress(Enum):
    """What a look at a backfill came to."""

    NOTHING = auto()
    """There was nothing to do."""
    SOME = auto()
    """Something was done; what comes next waits for a run's end."""
    MORE = auto()
    """There is more to decide at once."""


class Backfiller(LoopService):
    """The loop of backfills."""

    name = "backfiller"

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
        self._ids = ids
        self._revisions = revisions or RevisionCache(database)
        self._times: OrderedDict[str, tuple[datetime, ...]] = OrderedDict()
        self._patience = BUSY_SECONDS_MIN
        self._poked = threading.Event()

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self._poked.set()

    def turn(self) -> None:
        """Carry every backfill on, then wait; not at all while there is more to decide."""
        self._poked.clear()
        if not self.stopping and (seconds := self.carry_on()) > 0 and not self.stopping:
            self._poked.wait(seconds)

    def carry_on(self) -> float:
        """Decide one batch of times of each running backfill; return how many seconds the next look may wait."""
        with self._database.read() as connection:
            found = running_backfills(connection)
        progress = {self._carried(row) for row in found}
        if progress <= {Progress.NOTHING}:
            self._patience = min(self._patience * BUSY_GROWTH, BUSY_SECONDS_MAX)
            return self._patience if found else IDLE_SECONDS
        self._patience = BUSY_SECONDS_MIN
        return 0.0 if Progress.MORE in progress else self._patience

    def _carried(self, row: BackfillRow) -> Progress:
        try:
            return self._carry(row)
        except (StoreError, BrokerError):  # not this backfill's fault: the loop waits, and comes again
            raise
        except Exception as error:  # one that cannot be worked out must not hold up all others
            log.exception("backfill %s is paused", row.id)
            return self._switch(row, BackfillState.PAUSED, f"it could not be worked out: {error}")

    def _carry(self, row: BackfillRow) -> Progress:
        """Decide the next times."""
        revision = self._revisions.get(row.revision_id)
        left = self._left(row, revision)
        with self._database.read() as connection:
            gone = is_archived(connection, row.workflow_id)
            room = row.parallel - len(open_runs(connection, row.id))
            waits = gone or room <= 0 or pools_in_demand(connection, worker_pools(revision.graph), self._clock())
            decisions = [] if waits else _decisions(connection, row, left[:BATCH_TIMES_MAX])
        if gone:
            return self._switch(row, BackfillState.CANCELLED, "the workflow was removed from its source")
        if not left and room == row.parallel:
            return self._switch(row, BackfillState.FINISHED, "")
        fired = self._fired(row, revision, decisions, room)
        return self._record(row, fired, room) if fired else Progress.NOTHING

    def _record(self, row: BackfillRow, fired: Sequence[Firing], room: int) -> Progress:
        with self._database.write() as connection:
            created = record_times(connection, row, fired, self._clock())
        wake(self._broker, [run.id for run in created])
        return Progress.MORE if len(created) < room else Progress.SOME

    def _fired(
        self, row: BackfillRow, revision: ReadyRevision, decisions: Sequence[Decision], room: int
    ) -> list[Firing]:
        """Return what becomes of the times, up to the one that takes the last room.

        One that the schedule itself is about to fire is waited for: what becomes of it is known then.
        """
        fired: list[Firing] = []
        now, schedule = self._clock(), schedule_of(revision, row.trigger)
        for decision in decisions:
            if room <= 0 or decision.why is Why.UPCOMING:
                break
            if not decision.runs:
                fired.append(Firing(decision.fire_time, FiringOutcome.SKIPPED, decision.message))
                continue
            occasion = Occasion(row.workflow_id, row.trigger, schedule, decision.fire_time, row.inputs, row.id)
            fired.append(fire(occasion, revision, self._ids(), now))
            room -= fired[-1].run is not None
        return fired

    def _left(self, row: BackfillRow, revision: ReadyRevision) -> tuple[datetime, ...]:
        """Return the times that are not decided, in the backfill's order."""
        times = self._times_of(row, revision)
        if row.reverse:
            return times[: len(times) if row.cursor is None else bisect_left(times, row.cursor)][::-1]
        return times if row.cursor is None else times[bisect_right(times, row.cursor) :]

    def _times_of(self, row: BackfillRow, revision: ReadyRevision) -> tuple[datetime, ...]:
        found = self._times.get(row.id)
        if found is None:
            found = past_times(schedule_of(revision, row.trigger), row.since, row.until, row.total, row.anchor_at)
            self._times[row.id] = found
        self._times.move_to_end(row.id)
        while len(self._times) > KEPT_MAX:
            self._times.popitem(last=False)
        return found

    def _switch(self, row: BackfillRow, after: BackfillState, message: str) -> Progress:
        with self._database.write() as connection:
            switch_backfill(connection, row.id, [BackfillState.RUNNING], after, self._clock(), message)
        self._times.pop(row.id, None)
        return Progress.SOME


def _decisions(connection: Connection, row: BackfillRow, times: Sequence[datetime]) -> list[Decision]:
    newest = newest_runs(connection, row.workflow_id, row.trigger, times)
    upcoming = next_live_time(connection, row.workflow_id, row.trigger)
    return [decide(row.policy, time, newest.get(time), upcoming) for time in times]
