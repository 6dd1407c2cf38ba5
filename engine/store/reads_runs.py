"""Reads for those who ask: runs, their task runs and attempts. Writes nothing, and promises no lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select, union_all

from engine.store.tables import revisions, run_data, run_labels, runs, workflows

LABELLED_MAX: Final = 10_000
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
    """What a run was given and what it gave."""

    inputs: dict[str, Any]
    trigger: dict[str, Any]
    outputs: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are asked for; None and empty do not filter. `labels` must all match; `until` is exclusive."""

    workflow_id: str | None = None
    states: Sequence[str] = ()
    labels: Sequence[tuple[str, str]] = ()
    since: datetime | None = None
    until: datetime | None = None
    trigger: str | None = None
    backfill: str | None = None


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

    The ids are found first, each state by itself, so that every part walks an index in its order and stops at `limit`:
    a list over a million runs costs what a page costs.
    """
    labels = _rarest_first(connection, wanted.labels)
    parts = [_matching(wanted, state, labels, before).limit(limit).subquery() for state in wanted.states or (None,)]
    found = union_all(*(select(part.c.id) for part in parts)).subquery()
    chosen = select(found.c.id).order_by(found.c.id.desc()).limit(limit)
    query = _RUNS.where(runs.c.id.in_(chosen)).order_by(runs.c.id.desc())
    return [RunRow(*row) for row in connection.execute(query)]


def _matching(
    wanted: RunFilter, state: str | None, labels: Sequence[tuple[str, str]], before: str | None
) -> Select[Any]:
    """Return the query for the ids of runs that match. The first label leads: its index is in the order of ids.

    The times bound the id as well as `created_at`, so that an old span is found by the key and not by walking to it.
    """
    run_id: ColumnElement[str] = runs.c.id
    query = select(runs.c.id)
    for number, (key, value) in enumerate(labels):
        label = run_labels.alias(f"label_{number}")
        query = query.join(label, and_(label.c.run_id == runs.c.id, label.c.key == key, label.c.value == value))
        run_id = label.c.run_id if number == 0 else run_id
    conditions = [
        None if before is None else run_id < before,
        None if wanted.workflow_id is None else runs.c.workflow_id == wanted.workflow_id,
        None if state is None else runs.c.state == state,
        None if wanted.trigger is None else runs.c.trigger_kind == wanted.trigger,
        None if wanted.backfill is None else runs.c.backfill_id == wanted.backfill,
    ]
    if wanted.since is not None:
        conditions += [runs.c.created_at >= wanted.since, run_id >= id_floor(wanted.since - CLOCK_SKEW)]
    if wanted.until is not None:
        conditions += [runs.c.created_at < wanted.until, run_id < id_floor(wanted.until + CLOCK_SKEW)]
    return query.where(*(item for item in conditions if item is not None)).order_by(run_id.desc())


def _rarest_first(connection: Connection, labels: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Put the label that the fewest runs have first, as far as counting to a bound tells."""
    if len(labels) < 2:
        return labels

    def count(label: tuple[str, str]) -> int:
        some = select(run_labels.c.run_id).where(run_labels.c.key == label[0], run_labels.c.value == label[1])
        counted = select(func.count()).select_from(some.limit(LABELLED_MAX).subquery())
        return connection.execute(counted).scalar_one()

    return sorted(labels, key=count)


def read_run_values(connection: Connection, run_id: str) -> RunValues:
    """Return inputs, trigger and outputs of a run that exists."""
    query = select(run_data.c.inputs, run_data.c.trigger, run_data.c.outputs).where(run_data.c.run_id == run_id)
    return RunValues(*connection.execute(query).one())
