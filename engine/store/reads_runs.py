"""Reads for those who ask: runs, their task runs and attempts. Writes nothing, and promises no lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from engine.machine.states import TASK_TERMINAL
from engine.store.tables import attempts, revisions, run_data, run_labels, runs, task_runs, workflows

CLOCK_SKEW: Final = timedelta(minutes=10)
"""How far a run's id (drawn by the process's clock) and its `created_at` (the database's) may lie apart."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as lists show it."""

    id: str
    workflow_id: str
    namespace: str
    name: str
    revision_id: str
    revision: int
    state: str
    reason: str | None
    message: str
    phase: str
    stop: str | None
    trigger_kind: str
    trigger_name: str | None
    retry_of: str | None
    concurrency_resource: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class RunValues:
    """What a run was given and what it gave."""

    inputs: dict[str, Any]
    trigger: dict[str, Any]
    outputs: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task run that has left `pending`."""

    id: str
    task: str
    key: str
    ordinal: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are asked for; None and empty do not filter. `labels` must all match; `until` is exclusive."""

    workflow_id: str | None = None
    states: Sequence[str] = ()
    labels: Sequence[tuple[str, str]] = ()
    since: datetime | None = None
    until: datetime | None = None
    trigger: str | None = None


_RUN: tuple[ColumnElement[Any], ...] = (
    runs.c.id,
    runs.c.workflow_id,
    workflows.c.namespace,
    workflows.c.name,
    runs.c.revision_id,
    revisions.c.number,
    runs.c.state,
    runs.c.reason,
    runs.c.message,
    runs.c.phase,
    runs.c.stop,
    runs.c.trigger_kind,
    runs.c.trigger_name,
    runs.c.retry_of,
    runs.c.concurrency_resource,
    runs.c.created_at,
    runs.c.started_at,
    runs.c.finished_at,
    run_data.c.labels,
)


_RUNS: Select[Any] = (
    select(*_RUN)
    .join(workflows, workflows.c.id == runs.c.workflow_id)
    .join(revisions, revisions.c.id == runs.c.revision_id)
    .join(run_data, run_data.c.run_id == runs.c.id)
)
_BY_ID = _RUNS.where(runs.c.id == bindparam("run_id"))


def id_floor(moment: datetime) -> str:
    """Return the least UUIDv7 (RFC 9562, 48 bits of milliseconds first) of a moment."""
    digits = f"{max(int(moment.timestamp() * 1000), 0):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


def read_run(connection: Connection, run_id: str) -> RunRow | None:
    """Return one run."""
    row = connection.execute(_BY_ID, {"run_id": run_id}).one_or_none()
    return None if row is None else RunRow(*row)


def list_runs(connection: Connection, wanted: RunFilter, *, before: str | None, limit: int) -> list[RunRow]:
    """Return at most `limit` runs, newest first, with ids below `before`.

    The times bound the id as well as `created_at`, so that an old span is found by the key and not by walking to it.
    """
    query = _RUNS.order_by(runs.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(runs.c.id < before)
    if wanted.workflow_id is not None:
        query = query.where(runs.c.workflow_id == wanted.workflow_id)
    if wanted.states:
        query = query.where(runs.c.state.in_(wanted.states))
    if wanted.trigger is not None:
        query = query.where(runs.c.trigger_kind == wanted.trigger)
    if wanted.since is not None:
        query = query.where(runs.c.created_at >= wanted.since, runs.c.id >= id_floor(wanted.since - CLOCK_SKEW))
    if wanted.until is not None:
        query = query.where(runs.c.created_at < wanted.until, runs.c.id < id_floor(wanted.until + CLOCK_SKEW))
    for key, value in wanted.labels:
        labelled = select(run_labels.c.run_id).where(run_labels.c.key == key, run_labels.c.value == value)
        query = query.where(runs.c.id.in_(labelled))
    return [RunRow(*row) for row in connection.execute(query)]


def read_run_values(connection: Connection, run_id: str) -> RunValues:
    """Return inputs, trigger and outputs of a run that exists."""
    query = select(run_data.c.inputs, run_data.c.trigger, run_data.c.outputs).where(run_data.c.run_id == run_id)
    return RunValues(*connection.execute(query).one())


def count_task_states(connection: Connection, run_id: str) -> dict[str, int]:
    """Return how many of the run's task runs are in each state; those still `pending` may have no row."""
    query = select(task_runs.c.state, func.count()).where(task_runs.c.run_id == run_id).group_by(task_runs.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def list_task_states(connection: Connection, run_id: str) -> dict[str, str]:
    """Return the state of each task of the run that has a row."""
    query = select(task_runs.c.task, task_runs.c.state).where(task_runs.c.run_id == run_id)
    return {row[0]: row[1] for row in connection.execute(query)}


_TASK: tuple[ColumnElement[Any], ...] = (
    task_runs.c.id,
    task_runs.c.task,
    task_runs.c.key,
    task_runs.c.ordinal,
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
)


def list_tasks(
    connection: Connection, run_id: str, *, ordinals: range | None = None, states: Sequence[str] = (), limit: int
) -> list[TaskRow]:
    """Return at most `limit` task runs of the run in the order of its file: those within `ordinals`, in `states`."""
    query = select(*_TASK).where(task_runs.c.run_id == run_id).order_by(task_runs.c.ordinal).limit(limit)
    if ordinals is not None:
        query = query.where(task_runs.c.ordinal >= ordinals.start, task_runs.c.ordinal < ordinals.stop)
    if states:
        query = query.where(task_runs.c.state.in_(states))
    return [TaskRow(*row) for row in connection.execute(query)]


def list_open_tasks(connection: Connection, run_id: str, *, limit: int) -> list[TaskRow]:
    """Return at most `limit` task runs of the run that have left `pending` and not ended."""
    query = select(*_TASK).where(task_runs.c.run_id == run_id, task_runs.c.state.not_in(sorted(TASK_TERMINAL)))
    return [TaskRow(*row) for row in connection.execute(query.order_by(task_runs.c.ordinal).limit(limit))]


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
