"""What the sweeps look for: things that a lost message would have said. None of these changes a run's state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select, update

from engine.machine.changes import NewSignal
from engine.machine.model import attempt_name
from engine.machine.states import RUN_TERMINAL, RunState, TaskState
from engine.store.membership import one_of
from engine.store.sessions import RunningAttempt, select_running
from engine.store.signals import insert_signals
from engine.store.tables import OPEN_RUN, OPEN_TASK_RUN, holders, resources, runs, sessions, signals, task_runs

ROWS_MAX = 500


@dataclass(frozen=True, slots=True)
class QueuedAttempt:
    """An attempt that waits for a worker."""

    attempt: str
    pool: str
    kind: str


def unsent(connection: Connection, before: datetime) -> list[QueuedAttempt]:
    """Return attempts queued before that moment whose offer was never known to be in the broker."""
    query = _queued().where(task_runs.c.queued_at < before, task_runs.c.dispatched_at.is_(None))
    return _attempts(connection, query)


def oldest_queued(connection: Connection, pool: str, number: int, sent_before: datetime) -> list[QueuedAttempt]:
    """Return the oldest queued attempts of a pool that were not offered since that moment."""
    query = _queued().where(task_runs.c.pool == pool, task_runs.c.dispatched_at < sent_before).limit(number)
    return _attempts(connection, query)


def queued_by_pool(connection: Connection) -> dict[str, int]:
    """Return how many attempts wait in each pool."""
    query = select(task_runs.c.pool, func.count()).where(task_runs.c.state == TaskState.QUEUED, OPEN_TASK_RUN)
    return {row[0]: row[1] for row in connection.execute(query.group_by(task_runs.c.pool))}


def mark_sent(connection: Connection, attempts: Sequence[QueuedAttempt], now: datetime) -> None:
    """Note that these were offered (again)."""
    ids = [attempt.attempt.rpartition(":")[0] for attempt in attempts]
    if ids:
        where = (one_of(task_runs.c.id, ids), task_runs.c.state == TaskState.QUEUED)
        connection.execute(update(task_runs).where(*where).values(dispatched_at=now))


def runs_to_wake(connection: Connection, before: datetime) -> list[str]:
    """Return runs with signals due before that moment, and queued runs that wait for nothing."""
    due = select(signals.c.run_id).where(signals.c.due_at < before).order_by(signals.c.due_at).limit(ROWS_MAX)
    waiting = exists().where(holders.c.run_id == runs.c.id)
    idle = (
        select(runs.c.id)
        .where(runs.c.state == RunState.QUEUED, OPEN_RUN, runs.c.created_at < before, ~waiting)
        .limit(ROWS_MAX)
    )
    return list(dict.fromkeys([*connection.execute(due).scalars(), *connection.execute(idle).scalars()]))


def without_session(connection: Connection, ended_before: datetime) -> list[RunningAttempt]:
    """Return running attempts whose session ended before that moment, or was never there."""
    query = (
        select_running()
        .outerjoin(sessions, sessions.c.id == task_runs.c.session)
        .where(or_(sessions.c.id.is_(None), sessions.c.ended_at < ended_before))
        .limit(ROWS_MAX)
    )
    return [RunningAttempt(*row) for row in connection.execute(query)]


def any_overdue(connection: Connection, deadline_before: datetime) -> bool:
    """Whether there is a running attempt whose deadline lies before that moment."""
    return connection.execute(_overdue(deadline_before).limit(1)).first() is not None


def signal_overdue(connection: Connection, deadline_before: datetime, now: datetime) -> set[str]:
    """Tell the runs of attempts whose deadline lies before that moment; return the runs to wake."""
    rows = [
        (
            row.run_id,
            NewSignal(
                "overdue",
                {"task_run_id": row.id, "claim_id": row.claim_id},
                now,
                f"overdue:{attempt_name(row.id, row.attempt)}:{row.claim_id}",
            ),
        )
        for row in connection.execute(_overdue(deadline_before).limit(ROWS_MAX))
    ]
    insert_signals(connection, rows)
    return {run_id for run_id, _ in rows}


def _overdue(deadline_before: datetime) -> Select[Any]:
    columns = (task_runs.c.id, task_runs.c.attempt, task_runs.c.claim_id, task_runs.c.run_id)
    late = task_runs.c.deadline_at < deadline_before
    return select(*columns).where(task_runs.c.state == TaskState.RUNNING, OPEN_TASK_RUN, late)


def holders_of_ended_runs(connection: Connection) -> list[str]:
    """Return runs that have ended and still hold something. There must be none."""
    query = (
        select(holders.c.run_id)
        .join(runs, runs.c.id == holders.c.run_id)
        .where(runs.c.state.in_(sorted(RUN_TERMINAL)))
        .distinct()
        .limit(ROWS_MAX)
    )
    return list(connection.execute(query).scalars())


def resources_with_room(connection: Connection) -> list[str]:
    """Return resources with free capacity that somebody waits for."""
    held = func.coalesce(func.sum(holders.c.units).filter(holders.c.held_at.is_not(None)), 0)
    waiting = func.count() - func.count(holders.c.held_at)
    query = (
        select(holders.c.resource)
        .join(resources, resources.c.name == holders.c.resource)
        .group_by(holders.c.resource, resources.c.capacity)
        .having(and_(held < resources.c.capacity, waiting > 0))
        .limit(ROWS_MAX)
    )
    return list(connection.execute(query).scalars())


def _queued() -> Select[Any]:
    columns = (task_runs.c.id, task_runs.c.attempt, task_runs.c.pool, task_runs.c.kind)
    query = select(*columns).where(task_runs.c.state == TaskState.QUEUED, OPEN_TASK_RUN)
    return query.order_by(task_runs.c.queued_at).limit(ROWS_MAX)


def _attempts(connection: Connection, query: Select[Any]) -> list[QueuedAttempt]:
    return [QueuedAttempt(attempt_name(row.id, row.attempt), row.pool, row.kind) for row in connection.execute(query)]
