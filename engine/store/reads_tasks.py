"""Reads for those who ask: a run's task runs and their attempts. Writes nothing, and promises no lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from engine.machine.states import TASK_TERMINAL, Reason, TaskState
from engine.store.tables import OPEN_TASK_RUN, attempts, runs, task_runs, workflows


class Place(NamedTuple):
    """Where a task run stands in its run: a fan-out at -1, its items after it."""

    ordinal: int
    item: int

    def __str__(self) -> str:
        """Return the place as a cursor."""
        return f"{self.ordinal}.{self.item}"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task run that has left `pending`. An item of a fan-out has an `index`."""

    id: str
    task: str
    key: str
    ordinal: int
    index: int | None
    state: str
    reason: str | None
    message: str
    kind: str
    pool: str
    attempt: int
    worker: str | None
    session: str | None
    stop: bool
    queued_at: datetime | None
    started_at: datetime | None
    attempt_started_at: datetime | None
    deadline_at: datetime | None
    due_at: datetime | None
    finished_at: datetime | None
    outputs: dict[str, Any] | None
    reused_from: str | None
    child_run: str | None

    @property
    def name(self) -> str:
        """The task's id, with the item's key where it is one of a fan-out."""
        return self.task if self.index is None else f"{self.task}[{self.key}]"

    @property
    def place(self) -> Place:
        """Where it stands in its run."""
        return Place(self.ordinal, -1 if self.index is None else self.index)


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """One attempt that has ended."""

    task_run_id: str
    number: int
    state: str
    reason: str | None
    message: str
    exit_code: int | None
    worker: str | None
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime


def count_task_states(connection: Connection, run_id: str) -> dict[str, int]:
    """Return how many of the run's task runs are in each state; those still `pending` may have no row."""
    query = select(task_runs.c.state, func.count()).where(task_runs.c.run_id == run_id).group_by(task_runs.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def list_task_states(connection: Connection, run_id: str) -> dict[str, str]:
    """Return the state of each task of the run that has a row."""
    query = select(task_runs.c.task, task_runs.c.state).where(task_runs.c.run_id == run_id, task_runs.c.item.is_(None))
    return {row[0]: row[1] for row in connection.execute(query)}


_TASK: tuple[ColumnElement[Any], ...] = (
    task_runs.c.id,
    task_runs.c.task,
    task_runs.c.key,
    task_runs.c.ordinal,
    task_runs.c.item,
    task_runs.c.state,
    task_runs.c.reason,
    task_runs.c.message,
    task_runs.c.kind,
    task_runs.c.pool,
    task_runs.c.attempt,
    task_runs.c.worker,
    task_runs.c.session,
    task_runs.c.stop,
    task_runs.c.queued_at,
    task_runs.c.started_at,
    task_runs.c.attempt_started_at,
    task_runs.c.deadline_at,
    task_runs.c.due_at,
    task_runs.c.finished_at,
    task_runs.c.outputs,
    task_runs.c.reused_from,
    task_runs.c.child_run,
)


_INDEX: Final = func.coalesce(task_runs.c.item, -1)


def list_tasks(
    connection: Connection,
    run_id: str,
    *,
    after: Place | None = None,
    states: Sequence[str] = (),
    limit: int | None,
) -> list[TaskRow]:
    """Return task runs of the run in the order of its file, items after their fan-out: at most `limit`, in `states`."""
    query = select(*_TASK).where(task_runs.c.run_id == run_id).order_by(task_runs.c.ordinal, _INDEX).limit(limit)
    if after is not None:
        query = query.where(
            or_(task_runs.c.ordinal > after.ordinal, and_(task_runs.c.ordinal == after.ordinal, after.item < _INDEX))
        )
    if states:
        query = query.where(task_runs.c.state.in_(states))
    return [TaskRow(*row) for row in connection.execute(query)]


def stored_ordinals(connection: Connection, run_id: str) -> set[int]:
    """Return the ordinals of the run's tasks that have a row."""
    query = select(task_runs.c.ordinal).where(task_runs.c.run_id == run_id, task_runs.c.item.is_(None))
    return set(connection.execute(query).scalars())


def list_open_tasks(connection: Connection, run_id: str, *, limit: int) -> list[TaskRow]:
    """Return at most `limit` task runs of the run that have left `pending` and not ended."""
    query = select(*_TASK).where(task_runs.c.run_id == run_id, task_runs.c.state.not_in(sorted(TASK_TERMINAL)))
    return [TaskRow(*row) for row in connection.execute(query.order_by(task_runs.c.ordinal, _INDEX).limit(limit))]


_ATTEMPT: tuple[ColumnElement[Any], ...] = (
    attempts.c.task_run_id,
    attempts.c.number,
    attempts.c.state,
    attempts.c.reason,
    attempts.c.message,
    attempts.c.exit_code,
    attempts.c.worker,
    attempts.c.queued_at,
    attempts.c.started_at,
    attempts.c.finished_at,
)


def list_attempts(connection: Connection, run_id: str, task_run_ids: Sequence[str]) -> list[EndedAttempt]:
    """Return the ended attempts of these task runs, in order of number."""
    query = (
        select(*_ATTEMPT)
        .where(attempts.c.run_id == run_id, attempts.c.task_run_id.in_(task_run_ids))
        .order_by(attempts.c.task_run_id, attempts.c.number)
    )
    return [EndedAttempt(*row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """A task run that waits for a person."""

    task_run_id: str
    run_id: str
    namespace: str
    workflow: str
    task: str
    key: str
    message: str
    asked_at: datetime | None
    due_at: datetime | None


def list_approvals(connection: Connection, *, after: str | None, limit: int) -> list[OpenApproval]:
    """Return at most `limit` task runs that wait for a person, the oldest runs first, with ids above `after`."""
    query = (
        select(
            *(task_runs.c.id, task_runs.c.run_id, workflows.c.namespace, workflows.c.name, task_runs.c.task),
            *(task_runs.c.key, task_runs.c.message, task_runs.c.started_at, task_runs.c.due_at),
        )
        .join(runs, runs.c.id == task_runs.c.run_id)
        .join(workflows, workflows.c.id == runs.c.workflow_id)
        .where(task_runs.c.state == TaskState.WAITING, OPEN_TASK_RUN, task_runs.c.reason == Reason.APPROVAL)
        .order_by(task_runs.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(task_runs.c.id > after)
    return [OpenApproval(*row) for row in connection.execute(query)]


def find_task_run(connection: Connection, run_id: str, task: str, key: str = "") -> TaskRow | None:
    """Return the task run of a task, or of the item of its fan-out that has the key."""
    item = task_runs.c.item.is_not(None) if key else task_runs.c.item.is_(None)
    where = (task_runs.c.run_id == run_id, task_runs.c.task == task, item)
    query = select(*_TASK).where(*where, task_runs.c.key == key).order_by(task_runs.c.ordinal, _INDEX)
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else TaskRow(*row)
