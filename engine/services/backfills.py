"""What a person may do with backfills: plan, create, pause, resume, cancel. `backfiller` carries them on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from engine.backfilling import BackfillState, Policy
from engine.broker.interface import Broker
from engine.clock import Clock, NewId
from engine.machine.changes import NewSignal
from engine.machine.states import Reason, RunState
from engine.schedule.backfill import Decision, decide
from engine.services.asked_backfills import Asked, Wanted, asked
from engine.services.making_runs import Once, Replay, RunMaker, runnable
from engine.services.refusals import ConflictError, UnknownError
from engine.services.revision_cache import RevisionCache
from engine.services.wakes import wake
from engine.store.backfills import create_backfill, switch_backfill
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.reads_backfills import BackfillRow, count_runs, newest_runs, next_live_time, open_runs, read_backfill
from engine.store.reads_workflows import WorkflowRow, read_triggers, read_workflow
from engine.store.signals import insert_signals

DECIDED_MAX: Final = 500
"""Nominal times that a plan looks up at once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a backfill would do, in its order."""

    trigger: str
    revision: int
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A backfill, with its runs counted by state."""

    row: BackfillRow
    runs: Mapping[RunState, int] = field(default_factory=dict)


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
        found = self._asked(self._workflow(namespace, name), wanted)
        with self._database.read() as connection:
            decisions = _decisions(connection, found, wanted.policy)
        in_order = decisions[::-1] if wanted.reverse else decisions
        return Plan(found.trigger.name, found.revision.number, tuple(in_order))

    def create(
        self, namespace: str, name: str, wanted: Wanted, *, by: str, once: Once | None = None
    ) -> Standing | Replay:
        """Create a backfill of the active revision; the loop of a scheduler begins it.

        Raises `UnknownError` (workflow, trigger), `ConflictError` (no schedule or several, an archived workflow, one
        that goes on over the same times), `InvalidRangeError`, `InvalidInputsError`, `KeyReusedError`.
        """
        workflow = self._workflow(namespace, name)
        scope = f"backfills:{workflow.id}"
        if replay := self._maker.replay(scope, once):
            return replay
        row = _new(self._asked(workflow, wanted), wanted, self._ids(), by, self._clock())
        made = Standing(row)
        with self._database.write() as connection:
            if replay := self._maker.keep(connection, scope, once, made):
                return replay
            if (other := create_backfill(connection, row)) is not None:
                raise ConflictError(
                    f"backfill {other} goes on over some of these times of trigger '{row.trigger}'\n"
                    "  hint: wait for its end, cancel it, or give another range"
                )
        return made

    def pause(self, backfill_id: str) -> Standing:
        """Let a backfill make no more runs; those on their way go on. Twice is once.

        Raises `UnknownError`; `ConflictError` for one that has ended.
        """
        return self._switch(backfill_id, BackfillState.RUNNING, BackfillState.PAUSED)

    def resume(self, backfill_id: str) -> Standing:
        """Let a paused backfill go on. Twice is once. Raises as `pause` does."""
        return self._switch(backfill_id, BackfillState.PAUSED, BackfillState.RUNNING)

    def cancel(self, backfill_id: str, *, with_runs: bool, by: str, once: Once | None = None) -> Standing | Replay:
        """Give a backfill up, and cancel its runs that have not started; `with_runs`, those that run too.

        Raises as `pause` does, and `KeyReusedError`.
        """
        scope = f"cancel-backfill:{backfill_id}"
        if replay := self._maker.replay(scope, once):
            return replay
        before = (BackfillState.RUNNING, BackfillState.PAUSED)
        with self._database.write() as connection:
            now, row = self._clock(), _existing(connection, backfill_id)
            if not switch_backfill(connection, row.id, before, BackfillState.CANCELLED, now, f"by {by}"):
                raise _ended(row)
            standing = _standing(connection, backfill_id)
            if replay := self._maker.keep(connection, scope, once, standing):
                return replay
            found = open_runs(connection, row.id)
            stopped = [run_id for run_id, state in found.items() if with_runs or state is RunState.QUEUED]
            payload = {"by": by, "forced": False, "reason": str(Reason.CANCELLED_BY_USER)}
            insert_signals(connection, [(run_id, NewSignal("cancel", payload, now)) for run_id in stopped])
        wake(self._broker, stopped)
        return standing

    def _switch(self, backfill_id: str, before: BackfillState, after: BackfillState) -> Standing:
        with self._database.write() as connection:
            row = _existing(connection, backfill_id)
            if not switch_backfill(connection, row.id, [before], after, self._clock()):
                row = _existing(connection, backfill_id)
                if row.state is not after:
                    raise _ended(row)
            return _standing(connection, backfill_id)

    def _workflow(self, namespace: str, name: str) -> WorkflowRow:
        with self._database.read() as connection:
            return runnable(read_workflow(connection, namespace, name), namespace, name)

    def _asked(self, workflow: WorkflowRow, wanted: Wanted) -> Asked:
        with self._database.read() as connection:
            triggers = read_triggers(connection, workflow.id)
        revision = self._maker.revision(workflow.active_revision_id, workflow)
        return asked(workflow, revision, triggers, wanted, self._clock())


def _decisions(connection: Connection, found: Asked, policy: Policy) -> list[Decision]:
    key = (found.workflow.id, found.trigger.name)
    upcoming = next_live_time(connection, *key)
    decisions: list[Decision] = []
    for start in range(0, len(found.times), DECIDED_MAX):
        batch = found.times[start : start + DECIDED_MAX]
        newest = newest_runs(connection, *key, batch)
        decisions += [decide(policy, time, newest.get(time), upcoming) for time in batch]
    return decisions


def _new(found: Asked, wanted: Wanted, backfill_id: str, by: str, now: datetime) -> BackfillRow:
    return BackfillRow(
        id=backfill_id,
        workflow_id=found.workflow.id,
        namespace=found.workflow.namespace,
        name=found.workflow.name,
        revision_id=found.revision.id,
        revision=found.revision.number,
        trigger=found.trigger.name,
        anchor_at=found.trigger.anchor_at,
        since=wanted.since,
        until=wanted.until,
        policy=wanted.policy,
        parallel=wanted.parallel,
        reverse=wanted.reverse,
        inputs=wanted.inputs,
        state=BackfillState.RUNNING,
        message="",
        total=len(found.times),
        made=0,
        skipped=0,
        cursor=None,
        created_by=by,
        created_at=now,
        updated_at=now,
        finished_at=None,
    )


def _existing(connection: Connection, backfill_id: str) -> BackfillRow:
    row = read_backfill(connection, backfill_id)
    if row is None:
        raise UnknownError(f"there is no backfill {backfill_id}")
    return row


def _standing(connection: Connection, backfill_id: str) -> Standing:
    return Standing(_existing(connection, backfill_id), count_runs(connection, [backfill_id])[backfill_id])


def _ended(row: BackfillRow) -> ConflictError:
    return ConflictError(
        f"backfill {row.id} has ended: it {'was cancelled' if row.state is BackfillState.CANCELLED else 'finished'}\n"
        "  hint: make a new one; with `failed` it runs what did not succeed"
    )
