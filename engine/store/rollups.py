"""Ended runs become figures: taken from `ended_runs`, counted, and added to their hours and days. Each once.

What is read needs no lock: an ended run never changes. What is added is added by the transaction that deletes the
run's row from `ended_runs`; two that count at once take turns.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, delete, func, select, text, tuple_

from engine.analytics import Figures, Width, bucket_of
from engine.machine.states import TaskState
from engine.store.bulk import Bulk
from engine.store.membership import one_of
from engine.store.tables import attempts, run_data, runs, task_runs, workflows
from engine.store.tables_rollups import ended_runs, rollups, run_logs
from engine.store.triggers import SCHEDULE_KINDS

RUNS_MAX: Final = 100
ATTEMPTS_MAX: Final = 20_000
"""How much is counted at once; one run may have more attempts than that, and is then counted alone."""

Bucket = tuple[str, Width, datetime]
"""Whose figures (a workflow's id or `namespace:NAME`), and of which time."""

_add = Bulk(rollups, ["scope", "width", "starts_at", "figures"])
_change = Bulk(rollups, ["scope", "width", "starts_at", "figures"], keys=3)
_logs = Bulk(run_logs, ["run_id", "workflow_id", "finished_at"])


@dataclass(frozen=True, slots=True)
class Counted:
    """What one bite of ended runs comes to."""

    run_ids: Sequence[str] = ()
    figures: Mapping[Bucket, Figures] = field(default_factory=dict)
    logs: Sequence[tuple[str, str, datetime]] = ()


def scope_of_namespace(namespace: str) -> str:
    """Return under which name the figures of a namespace are kept."""
    return f"namespace:{namespace}"


def count_ended(connection: Connection) -> Counted:
    """Read what is noted, up to `RUNS_MAX` runs with `ATTEMPTS_MAX` attempts, and count it. Changes nothing."""
    noted = list(
        connection.execute(select(ended_runs.c.run_id).order_by(ended_runs.c.run_id).limit(RUNS_MAX)).scalars()
    )
    if not noted:
        return Counted()
    run_ids = _so_many(noted, _numbers_of_attempts(connection, noted))
    waits, checks = _task_waits(connection, run_ids), _checks(connection, run_ids)
    figures: dict[Bucket, Figures] = {}
    logs = []
    for row in _ended(connection, run_ids):
        of_run = _figures(row, waits.get(row.id, ()), checks.get(row.id, {}))
        for bucket in _buckets(row):
            figures.setdefault(bucket, Figures()).merge(of_run)
        logs.append((row.id, row.workflow_id, row.finished_at))
    return Counted(run_ids, figures, logs)


def add_counted(connection: Connection, counted: Counted) -> bool:
    """Add what was counted, unless somebody else has counted one of the runs meanwhile. Return whether it was added."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('rollups', 0))"))
    there = select(func.count()).select_from(ended_runs).where(one_of(ended_runs.c.run_id, counted.run_ids))
    if connection.execute(there).scalar_one() != len(counted.run_ids):
        return False
    connection.execute(delete(ended_runs).where(one_of(ended_runs.c.run_id, counted.run_ids)))
    before = _stored(connection, counted.figures.keys())
    for bucket, figures in counted.figures.items():
        if bucket in before:
            figures.merge(before[bucket])
    rows = {
        bucket: (*bucket, msgspec.to_builtins(figures, str_keys=True)) for bucket, figures in counted.figures.items()
    }
    _add.insert(connection, [row for bucket, row in rows.items() if bucket not in before])
    _change.update(connection, [row for bucket, row in rows.items() if bucket in before])
    _logs.insert(connection, counted.logs, ignore_conflicts=True)
    return True


def _so_many(run_ids: Sequence[str], numbers: Mapping[str, int]) -> list[str]:
    """Return the first of the runs, with at most `ATTEMPTS_MAX` attempts together, but one at least."""
    taken: list[str] = []
    total = 0
    for run_id in run_ids:
        total += numbers.get(run_id, 0)
        if taken and total > ATTEMPTS_MAX:
            break
        taken.append(run_id)
    return taken


def _numbers_of_attempts(connection: Connection, run_ids: Collection[str]) -> dict[str, int]:
    query = select(attempts.c.run_id, func.count()).where(one_of(attempts.c.run_id, run_ids))
    return {row[0]: row[1] for row in connection.execute(query.group_by(attempts.c.run_id))}


def _task_waits(connection: Connection, run_ids: Collection[str]) -> dict[str, list[float]]:
    """Return for each run how long its attempts waited for a worker."""
    query = select(attempts.c.run_id, attempts.c.queued_at, attempts.c.started_at)
    query = query.where(one_of(attempts.c.run_id, run_ids), attempts.c.started_at.is_not(None))
    waits: dict[str, list[float]] = defaultdict(list)
    for run_id, queued_at, started_at in connection.execute(query.where(attempts.c.queued_at.is_not(None))):
        waits[run_id].append((started_at - queued_at).total_seconds())
    return waits


def _checks(connection: Connection, run_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Return for each run how many of its health checks ended in which state."""
    query = select(task_runs.c.run_id, task_runs.c.state, func.count())
    checked = task_runs.c.state.in_([TaskState.SUCCEEDED, TaskState.FAILED])
    query = query.where(one_of(task_runs.c.run_id, run_ids), task_runs.c.kind == "heartbeat", checked)
    # A fan-out's own row is no check: its items are.
    query = query.where(task_runs.c.attempt > 0).group_by(task_runs.c.run_id, task_runs.c.state)
    checks: dict[str, dict[str, int]] = defaultdict(dict)
    for run_id, state, number in connection.execute(query):
        checks[run_id][state] = number
    return checks


def _ended(connection: Connection, run_ids: Collection[str]) -> Sequence[Row[Any]]:
    columns = (runs.c.id, runs.c.workflow_id, runs.c.state, runs.c.created_at, runs.c.started_at, runs.c.finished_at)
    query = (
        select(*columns, runs.c.trigger_kind, runs.c.retry_of, runs.c.backfill_id, run_data.c.trigger)
        .add_columns(workflows.c.namespace)
        .join(run_data, run_data.c.run_id == runs.c.id)
        .join(workflows, workflows.c.id == runs.c.workflow_id)
        .where(one_of(runs.c.id, run_ids), runs.c.finished_at.is_not(None))
    )
    return connection.execute(query).all()


def _figures(row: Row[Any], waits: Iterable[float], checks: Mapping[str, int]) -> Figures:
    figures = Figures(checks=sum(checks.values()), checks_up=checks.get(TaskState.SUCCEEDED, 0))
    figures.count_run(row.state, row.created_at, row.started_at, row.finished_at)
    for wait in waits:
        figures.task_wait.add(wait)
    late = _lateness(row)
    if late is not None:
        figures.lateness.add(late)
    return figures


def _lateness(row: Row[Any]) -> float | None:
    """Return how long after its nominal time the run was created, None for one that had none to keep."""
    if row.trigger_kind not in SCHEDULE_KINDS or row.retry_of is not None or row.backfill_id is not None:
        return None
    nominal = row.trigger.get("scheduled_at")
    late: float | None = None if nominal is None else (row.created_at - datetime.fromisoformat(nominal)).total_seconds()
    return late


def _buckets(row: Row[Any]) -> list[Bucket]:
    scopes = (row.workflow_id, scope_of_namespace(row.namespace))
    return [(scope, width, bucket_of(row.finished_at, width)) for scope in scopes for width in Width]


def _stored(connection: Connection, buckets: Collection[Bucket]) -> dict[Bucket, Figures]:
    key = (rollups.c.scope, rollups.c.width, rollups.c.starts_at)
    found = select(*key, rollups.c.figures).where(
        tuple_(*key).in_([(scope, str(width), at) for scope, width, at in buckets])
    )
    return {(row[0], Width(row[1]), row[2]): read_figures(row[3]) for row in connection.execute(found)}


def read_figures(stored: Any) -> Figures:
    """Return figures as they were stored."""
    return msgspec.convert(stored, Figures, str_keys=True)
