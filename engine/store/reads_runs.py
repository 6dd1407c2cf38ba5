"""Reads for those who ask: runs, their task runs and attempts. Writes nothing, and promises no lock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select, union_all

from engine.store.run_filter import RunFilter, ids_matching
from engine.store.tables import revisions, run_data, runs, workflows


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
    outcome: str | None
    stop: str | None
    trigger_kind: str
    trigger_name: str | None
    retry_of: str | None
    parent_task_run: str | None
    concurrency_resource: str | None
    backfill_id: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class RunValues:
    """What a run was given and what it gave; `trace` is the trace context of what made it, if it had one."""

    inputs: dict[str, Any]
    trigger: dict[str, Any]
    outputs: dict[str, Any] | None
    trace: dict[str, str] | None


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
    runs.c.outcome,
    runs.c.stop,
    runs.c.trigger_kind,
    runs.c.trigger_name,
    runs.c.retry_of,
    runs.c.parent_task_run,
    runs.c.concurrency_resource,
    runs.c.backfill_id,
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


def read_run(connection: Connection, run_id: str) -> RunRow | None:
    """Return one run."""
    row = connection.execute(_BY_ID, {"run_id": run_id}).one_or_none()
    return None if row is None else RunRow(*row)


def list_runs(connection: Connection, wanted: RunFilter, *, before: str | None, limit: int) -> list[RunRow]:
    """Return at most `limit` runs, newest first, with ids below `before`.

    The ids are found first, each state by itself, so that every part walks an index in its order and stops at `limit`:
    a list over a million runs costs what a page costs.
    """
    parts = [ids_matching(connection, wanted, state, before).limit(limit) for state in wanted.states or (None,)]
    found = union_all(*(select(part.subquery().c.id) for part in parts)).subquery()
    chosen = select(found.c.id).order_by(found.c.id.desc()).limit(limit)
    query = _RUNS.where(runs.c.id.in_(chosen)).order_by(runs.c.id.desc())
    return [RunRow(*row) for row in connection.execute(query)]


def read_run_values(connection: Connection, run_id: str) -> RunValues:
    """Return inputs, trigger, outputs and trace context of a run that exists."""
    columns = (run_data.c.inputs, run_data.c.trigger, run_data.c.outputs, run_data.c.trace)
    return RunValues(*connection.execute(select(*columns).where(run_data.c.run_id == run_id)).one())
