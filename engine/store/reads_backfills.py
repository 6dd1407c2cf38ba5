"""Reads of backfills: how they stand, what became of their times, and what a time has already. Promises no lock."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select

from engine.backfilling import BackfillState, Policy
from engine.machine.states import RUN_TERMINAL, RunState
from engine.schedule.backfill import Newest
from engine.store.membership import one_of
from engine.store.tables import OPEN_TASK_RUN, backfills, firings, revisions, runs, task_runs, triggers, workflows
from engine.store.triggers import SCHEDULED

OPEN: Final = (str(BackfillState.RUNNING), str(BackfillState.PAUSED))
IN_DEMAND: Final = timedelta(seconds=1)
"""A pool is in demand when a task waits for one of its workers for longer than this."""
RUNNING_MAX: Final = 1000
"""Backfills that are carried on at once, the oldest first."""


@dataclass(frozen=True, slots=True)
class BackfillRow:
    """One backfill. `cursor` is the last time that was decided; of `total` times `made` have a run, `skipped` none."""

    id: str
    workflow_id: str
    namespace: str
    name: str
    revision_id: str
    revision: int
    trigger: str
    anchor_at: datetime
    since: datetime
    until: datetime
    policy: Policy
    parallel: int
    reverse: bool
    inputs: Mapping[str, Any]
    state: BackfillState
    message: str
    total: int
    made: int
    skipped: int
    cursor: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @property
    def kind(self) -> str:
        """What its rows in the fire ledger have as their kind."""
        return ledger_kind(self.id)


@dataclass(frozen=True, slots=True)
class TimeRow:
    """What became of one time of a backfill; the run's state is None where there is no run (any more)."""

    fire_time: datetime
    outcome: str
    message: str
    run_id: str | None
    run_state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillFilter:
    """Which backfills are asked for; None and empty do not filter."""

    workflow_id: str | None = None
    states: Sequence[str] = ()


_COLUMNS: Final = (
    backfills.c.id,
    backfills.c.workflow_id,
    workflows.c.namespace,
    workflows.c.name,
    backfills.c.revision_id,
    revisions.c.number,
    backfills.c.trigger,
    backfills.c.anchor_at,
    backfills.c.since,
    backfills.c.until,
    backfills.c.policy,
    backfills.c.parallel,
    backfills.c.reverse,
    backfills.c.inputs,
    backfills.c.state,
    backfills.c.message,
    backfills.c.total,
    backfills.c.made,
    backfills.c.skipped,
    backfills.c.cursor,
    backfills.c.created_by,
    backfills.c.created_at,
    backfills.c.updated_at,
    backfills.c.finished_at,
)
_BACKFILLS: Final[Select[Any]] = (
    select(*_COLUMNS)
    .join(workflows, workflows.c.id == backfills.c.workflow_id)
    .join(revisions, revisions.c.id == backfills.c.revision_id)
)
_OPEN_RUNS: Final = (
    select(runs.c.id, runs.c.state)
    .where(runs.c.backfill_id == bindparam("of"))
    .where(runs.c.state.in_([str(state) for state in RunState if state not in RUN_TERMINAL]))
    .order_by(runs.c.id)
)
"""Built once: it is asked for again and again while a backfill goes on."""
_RUNNING: Final = (
    _BACKFILLS.where(backfills.c.state == str(BackfillState.RUNNING)).order_by(backfills.c.id).limit(RUNNING_MAX)
)


def ledger_kind(backfill_id: str) -> str:
    """Return what a backfill's rows in the fire ledger have as their kind."""
    return f"backfill:{backfill_id}"


def read_backfill(connection: Connection, backfill_id: str) -> BackfillRow | None:
    """Return one backfill."""
    row = connection.execute(_BACKFILLS.where(backfills.c.id == backfill_id)).one_or_none()
    return None if row is None else _row(row)


def list_backfills(
    connection: Connection, wanted: BackfillFilter, *, before: str | None, limit: int
) -> list[BackfillRow]:
    """Return at most `limit` backfills, newest first, with ids below `before`."""
    query = _BACKFILLS.order_by(backfills.c.id.desc()).limit(limit)
    if wanted.workflow_id is not None:
        query = query.where(backfills.c.workflow_id == wanted.workflow_id)
    if wanted.states:
        query = query.where(backfills.c.state.in_(list(wanted.states)))
    if before is not None:
        query = query.where(backfills.c.id < before)
    return [_row(row) for row in connection.execute(query)]


def running_backfills(connection: Connection) -> list[BackfillRow]:
    """Return the backfills that are to be carried on, oldest first."""
    return [_row(row) for row in connection.execute(_RUNNING)]


def count_runs(connection: Connection, backfill_ids: Sequence[str]) -> dict[str, dict[RunState, int]]:
    """Return, for each of the backfills, how many of its runs are in which state."""
    found: dict[str, dict[RunState, int]] = {wanted: {} for wanted in backfill_ids}
    query = select(runs.c.backfill_id, runs.c.state, func.count()).group_by(runs.c.backfill_id, runs.c.state)
    for backfill_id, state, number in connection.execute(query.where(one_of(runs.c.backfill_id, backfill_ids))):
        found[backfill_id][RunState(state)] = number
    return found


def open_runs(connection: Connection, backfill_id: str) -> dict[str, RunState]:
    """Return the runs of a backfill that have not ended, oldest first, with their states."""
    return {row.id: RunState(row.state) for row in connection.execute(_OPEN_RUNS, {"of": backfill_id})}


def newest_runs(
    connection: Connection, workflow_id: str, trigger: str, times: Sequence[datetime]
) -> dict[datetime, Newest]:
    """Return the newest run of each of these times that has one: fired live, by any backfill, or retried from those."""
    if not times:
        return {}
    fired = and_(firings.c.workflow_id == workflow_id, firings.c.trigger == trigger, firings.c.fire_time.in_(times))
    by_clock = or_(firings.c.kind == SCHEDULED, firings.c.kind.startswith("backfill:"))
    first = select(firings.c.fire_time, runs.c.id, runs.c.state).join(runs, runs.c.id == firings.c.run_id)
    known = first.where(fired, by_clock).cte("known", recursive=True)
    again = runs.alias("again")
    retried = select(known.c.fire_time, again.c.id, again.c.state).join(again, again.c.retry_of == known.c.id)
    known = known.union(retried)
    found = connection.execute(select(known.c.fire_time, known.c.id, known.c.state).order_by(known.c.id))
    return {fire_time: Newest(run_id, state) for fire_time, run_id, state in found}


def next_live_time(connection: Connection, workflow_id: str, trigger: str) -> datetime | None:
    """Return the nominal time that the schedule itself fires next; None if it fires no more."""
    key = (triggers.c.workflow_id == workflow_id, triggers.c.name == trigger)
    found: datetime | None = connection.execute(select(triggers.c.next_fire_time).where(*key)).scalar()
    return found


def pools_in_demand(connection: Connection, pools: Collection[str], now: datetime) -> list[str]:
    """Return which of these pools have a task waiting for a worker for more than a moment, but for backfills' tasks."""
    query = select(task_runs.c.pool).join(runs, runs.c.id == task_runs.c.run_id).distinct().order_by(task_runs.c.pool)
    waiting = (task_runs.c.state == "queued", OPEN_TASK_RUN, task_runs.c.queued_at < now - IN_DEMAND)
    return list(
        connection.execute(
            query.where(*waiting, one_of(task_runs.c.pool, pools), runs.c.backfill_id.is_(None))
        ).scalars()
    )


def is_archived(connection: Connection, workflow_id: str) -> bool:
    """Whether the workflow was removed from its source."""
    query = select(workflows.c.id).where(workflows.c.id == workflow_id, workflows.c.archived_at.is_not(None))
    return connection.execute(query).first() is not None


def list_times(connection: Connection, row: BackfillRow, *, after: datetime | None, limit: int) -> list[TimeRow]:
    """Return at most `limit` of the times that were decided, in the order of the clock, those later than `after`."""
    query = (
        select(firings.c.fire_time, firings.c.outcome, firings.c.message, firings.c.run_id, runs.c.state)
        .outerjoin(runs, runs.c.id == firings.c.run_id)
        .where(firings.c.workflow_id == row.workflow_id, firings.c.trigger == row.trigger, firings.c.kind == row.kind)
        .where(firings.c.fire_time >= row.since, firings.c.fire_time < row.until)
        .order_by(firings.c.fire_time)
        .limit(limit)
    )
    if after is not None:
        query = query.where(firings.c.fire_time > after)
    return [TimeRow(*found) for found in connection.execute(query)]


def _row(row: Any) -> BackfillRow:
    values = dict(zip(BackfillRow.__dataclass_fields__, row, strict=True))
    return BackfillRow(**{**values, "policy": Policy(row.policy), "state": BackfillState(row.state)})
