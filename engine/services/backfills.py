"""What a person may do with backfills: plan, create, pause, resume, cancel. `backfiller` carries them on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dsl.model import Schedule
from dsl.suggest import did_you_mean
from engine.backfilling import BackfillState, Policy
from engine.broker.interface import Broker
from engine.clock import Clock, NewId
from engine.machine.changes import NewSignal
from engine.machine.creation import check_inputs
from engine.machine.states import Reason, RunState
from engine.schedule.backfill import Decision, decide, past_times
from engine.services.making_runs import Once, Replay, RunMaker, runnable
from engine.services.refusals import ConflictError, InvalidInputsError, InvalidRangeError, UnknownError
from engine.services.revision_cache import ReadyRevision, RevisionCache
from engine.services.wakes import wake
from engine.store import backfills as store
from engine.store.backfills import BackfillRow
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.reads_workflows import TriggerRow, WorkflowRow, read_triggers, read_workflow
from engine.store.signals import insert_signals

TIMES_MAX: Final = 10_000
"""Nominal times of one backfill."""
PARALLEL_MAX: Final = 100
"""Runs of one backfill at once."""
DECIDED_MAX: Final = 500
"""Nominal times that a plan looks up at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A backfill as it is asked for: the range [since, until) of a trigger; without a name, of the only schedule."""

    since: datetime
    until: datetime
    trigger: str | None = None
    policy: Policy = Policy.MISSING
    parallel: int = 1
    reverse: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a backfill would do, in its order."""

    trigger: str
    revision: int
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a request names: the workflow, its revision, and the nominal times in the order of the clock."""

    workflow: WorkflowRow
    revision: ReadyRevision
    trigger: TriggerRow
    times: tuple[datetime, ...]


class Backfills:
    """The actions over one database and broker. Every method may be called from any thread."""

    def __init__(
        self, database: Database, broker: Broker, revision_cache: RevisionCache, clock: Clock, ids: NewId
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._ids = ids
        self._maker = RunMaker(database, broker, revision_cache, clock, ids)

    def plan(self, namespace: str, name: str, wanted: Wanted) -> Plan:
        """Return what a backfill would do if it were done at once, and make nothing. Raises as `create` does."""
        scope = self._scope(namespace, name, wanted)
        with self._database.read() as connection:
            decisions = _decisions(connection, scope, wanted.policy)
        in_order = decisions[::-1] if wanted.reverse else decisions
        return Plan(scope.trigger.name, scope.revision.number, tuple(in_order))

    def create(
        self, namespace: str, name: str, wanted: Wanted, *, by: str, once: Once | None = None
    ) -> BackfillRow | Replay:
        """Create a backfill of the active revision; the loop of a scheduler begins it.

        Raises `UnknownError` (workflow, trigger), `ConflictError` (no schedule or several, an archived workflow, one
        that goes on over the same times), `InvalidRangeError`, `InvalidInputsError`, `KeyReusedError`.
        """
        scope = self._scope(namespace, name, wanted)
        key_scope = f"backfills:{scope.workflow.id}"
        row = _new(scope, wanted, self._ids(), by, self._clock())
        with self._database.write() as connection:
            if replay := self._maker.keep(connection, key_scope, once, row):
                return replay
            if (other := store.create_backfill(connection, row)) is not None:
                raise ConflictError(
                    f"backfill {other} goes on over some of these times of trigger '{row.trigger}'\n"
                    "  hint: wait for its end, cancel it, or give another range"
                )
        return row

    def pause(self, backfill_id: str) -> BackfillRow:
        """Let a backfill make no more runs; those on their way go on. Twice is once.

        Raises `UnknownError`; `ConflictError` for one that has ended.
        """
        return self._switch(backfill_id, BackfillState.RUNNING, BackfillState.PAUSED)

    def resume(self, backfill_id: str) -> BackfillRow:
        """Let a paused backfill go on. Twice is once. Raises as `pause` does."""
        return self._switch(backfill_id, BackfillState.PAUSED, BackfillState.RUNNING)

    def cancel(self, backfill_id: str, *, with_runs: bool, by: str, once: Once | None = None) -> BackfillRow | Replay:
        """Give a backfill up, and cancel its runs that have not started; `with_runs`, those that run too.

        Raises as `pause` does, and `KeyReusedError`.
        """
        scope = f"cancel-backfill:{backfill_id}"
        if replay := self._maker.replay(scope, once):
            return replay
        before = (BackfillState.RUNNING, BackfillState.PAUSED)
        with self._database.write() as connection:
            now, row = self._clock(), _existing(connection, backfill_id)
            if not store.switch_backfill(connection, row.id, before, BackfillState.CANCELLED, now, f"by {by}"):
                raise _ended(row)
            row = _existing(connection, backfill_id)
            if replay := self._maker.keep(connection, scope, once, row):
                return replay
            found = store.open_runs(connection, row.id)
            stopped = [run_id for run_id, state in found.items() if with_runs or state is RunState.QUEUED]
            payload = {"by": by, "forced": False, "reason": str(Reason.CANCELLED_BY_USER)}
            insert_signals(connection, [(run_id, NewSignal("cancel", payload, now)) for run_id in stopped])
        wake(self._broker, stopped)
        return row

    def _switch(self, backfill_id: str, before: BackfillState, after: BackfillState) -> BackfillRow:
        with self._database.write() as connection:
            row = _existing(connection, backfill_id)
            if not store.switch_backfill(connection, row.id, [before], after, self._clock()):
                row = _existing(connection, backfill_id)
                if row.state is not after:
                    raise _ended(row)
            return _existing(connection, backfill_id)

    def _scope(self, namespace: str, name: str, wanted: Wanted) -> _Scope:
        with self._database.read() as connection:
            workflow = runnable(read_workflow(connection, namespace, name), namespace, name)
            rows = read_triggers(connection, workflow.id)
        revision = self._maker.revision(workflow.active_revision_id, workflow)
        given = check_inputs(revision.graph, wanted.inputs)
        if faults := [fault for fault in given if fault.name in wanted.inputs]:  # the trigger gives the others
            raise InvalidInputsError(f"the inputs do not fit {namespace}/{name}", faults)
        trigger = _chosen(workflow, revision, rows, wanted.trigger)
        return _Scope(workflow, revision, trigger, self._times(revision, trigger, wanted))

    def _times(self, revision: ReadyRevision, trigger: TriggerRow, wanted: Wanted) -> tuple[datetime, ...]:
        _check_range(wanted, self._clock())
        times = past_times(
            _schedule(revision, trigger.name), wanted.since, wanted.until, TIMES_MAX + 1, trigger.anchor_at
        )
        shown = f"from {_text(wanted.since)} until before {_text(wanted.until)}"
        if len(times) > TIMES_MAX:
            raise InvalidRangeError(
                f"trigger '{trigger.name}' has more than {TIMES_MAX} times {shown}\n"
                f"  hint: a backfill holds {TIMES_MAX}; the first so many end before {_text(times[-1])}: make several"
            )
        if not times:
            raise InvalidRangeError(
                f"trigger '{trigger.name}' has no times {shown}\n"
                "  hint: `chronoverse simulate` shows when it fires; its starts_at and ends_at count here too"
            )
        return times


def _chosen(workflow: WorkflowRow, revision: ReadyRevision, rows: list[TriggerRow], wanted: str | None) -> TriggerRow:
    """Return the schedule that is meant."""
    name = f"{workflow.namespace}/{workflow.name}"
    declared = revision.graph.workflow.triggers
    schedules = {row.name: row for row in rows if isinstance(declared.get(row.name), Schedule)}
    if wanted is not None and wanted not in schedules:
        if wanted in declared:
            raise ConflictError(f"trigger '{wanted}' of {name} has no times\n  hint: cron and every have")
        hint = did_you_mean(wanted, schedules, f"its schedules are: {', '.join(schedules) or 'none'}")
        raise UnknownError(f"{name} has no trigger '{wanted}'\n  hint: {hint}")
    if wanted is None and len(schedules) != 1:
        raise ConflictError(_which(name, list(schedules)))
    return schedules[wanted] if wanted is not None else next(iter(schedules.values()))


def _which(name: str, schedules: list[str]) -> str:
    if not schedules:
        return f"{name} has no schedule\n  hint: a backfill needs a trigger with cron or every"
    return f"{name} has several schedules: {', '.join(schedules)}\n  hint: say which with `trigger` (--trigger)"


def _schedule(revision: ReadyRevision, trigger: str) -> Schedule:
    found = revision.graph.workflow.triggers[trigger]
    assert isinstance(found, Schedule), "only schedules are backfilled"
    return found


def _check_range(wanted: Wanted, now: datetime) -> None:
    if wanted.since >= wanted.until:
        raise InvalidRangeError(
            f"the range from {_text(wanted.since)} until before {_text(wanted.until)} is empty\n"
            "  hint: it ends later than it begins; the end is the first moment that is left out"
        )
    if wanted.until > now:
        raise InvalidRangeError(
            f"the range ends at {_text(wanted.until)}, and now is {_text(now)}\n"
            "  hint: what is to come is the schedule's own; end the range at a moment that has passed"
        )


def _decisions(connection: Connection, scope: _Scope, policy: Policy) -> list[Decision]:
    key = (scope.workflow.id, scope.trigger.name)
    upcoming = store.next_live_time(connection, *key)
    found: list[Decision] = []
    for start in range(0, len(scope.times), DECIDED_MAX):
        batch = scope.times[start : start + DECIDED_MAX]
        newest = store.newest_runs(connection, *key, batch)
        found += [decide(policy, time, newest.get(time), upcoming) for time in batch]
    return found


def _new(scope: _Scope, wanted: Wanted, backfill_id: str, by: str, now: datetime) -> BackfillRow:
    return BackfillRow(
        id=backfill_id,
        workflow_id=scope.workflow.id,
        namespace=scope.workflow.namespace,
        name=scope.workflow.name,
        revision_id=scope.revision.id,
        revision=scope.revision.number,
        trigger=scope.trigger.name,
        anchor_at=scope.trigger.anchor_at,
        since=wanted.since,
        until=wanted.until,
        policy=wanted.policy,
        parallel=wanted.parallel,
        reverse=wanted.reverse,
        inputs=wanted.inputs,
        state=BackfillState.RUNNING,
        message="",
        total=len(scope.times),
        made=0,
        skipped=0,
        cursor=None,
        created_by=by,
        created_at=now,
        updated_at=now,
        finished_at=None,
    )


def _existing(connection: Connection, backfill_id: str) -> BackfillRow:
    row = store.read_backfill(connection, backfill_id)
    if row is None:
        raise UnknownError(f"there is no backfill {backfill_id}")
    return row


def _ended(row: BackfillRow) -> ConflictError:
    return ConflictError(
        f"backfill {row.id} has ended: it {'was cancelled' if row.state is BackfillState.CANCELLED else 'finished'}\n"
        "  hint: make a new one; with `failed` it runs what did not succeed"
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
