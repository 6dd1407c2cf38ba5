"""Ended runs become figures: taken from `ended_runs`, counted, and added to their hours and days. Each once.

What is read needs no lock: an ended run never changes. What is added is added by the transaction that deletes the
run's row from `ended_runs`; two that count at once take turns.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, delete, func, select, text

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

EVERYTHING: Final = "everything"
"""Under which name the figures of all workflows together are kept."""


class Bucket(NamedTuple):
    """Whose figures (a workflow's id, what `scope_of_namespace` gives, or `EVERYTHING`), and of which time."""

    scope: str
    width: Width
    starts_at: datetime


_add = Bulk(rollups, ["id", "width", "starts_at", "figures"])
_change = Bulk(rollups, ["id", "figures"])
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


def bucket_id(bucket: Bucket) -> str:
    """Return the key of a bucket; those of one scope and width are in the order of time."""
    return f"{bucket.scope}:{bucket.width}:{bucket.starts_at:%Y%m%d%H}"


def count_ended(connection: Connection) -> Counted:
    """Read what is noted, up to `RUNS_MAX` runs with `ATTEMPTS_MAX` attempts, and count it. Changes nothing."""
    noted = list(
        connection.execute(select(ended_runs.c.run_id).order_by(ended_runs.c.run_id).limit(RUNS_MAX)).scalars()
    )
    if not noted:
        return Counted()
    run_ids = _so_many(noted, _numbers_of_attempts(connection, noted))
    waits, checks = _task_waits(connection, run_ids), _checks(connection, run_ids)
    hours: dict[tuple[str, str, datetime], Figures] = {}
    logs = []
    for row in _ended(connection, run_ids):
        hour = hours.setdefault((row.workflow_id, row.namespace, bucket_of(row.finished_at, Width.HOUR)), Figures())
        _count(hour, row, waits.get(row.id, ()), checks.get(row.id, {}))
        logs.append((row.id, row.workflow_id, row.finished_at))
    return Counted(run_ids, _put_together(hours), logs)


def add_counted(connection: Connection, counted: Counted) -> bool:
    """Add what was counted, unless somebody else has counted one of the runs meanwhile. Return whether it was added."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('rollups', 0))"))
    there = select(func.count()).select_from(ended_runs).where(one_of(ended_runs.c.run_id, counted.run_ids))
    if connection.execute(there).scalar_one() != len(counted.run_ids):
        return False
    connection.execute(delete(ended_runs).where(one_of(ended_runs.c.run_id, counted.run_ids)))
    figures = {bucket_id(bucket): (bucket, found) for bucket, found in counted.figures.items()}
    before = _stored(connection, figures)
    for key, stored in before.items():
        figures[key][1].merge(stored)
    rows = [(key, *bucket[1:], _storable(found)) for key, (bucket, found) in figures.items() if key not in before]
    _add.insert(connection, rows)
    _change.update(connection, [(key, _storable(figures[key][1])) for key in before])
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


def _count(figures: Figures, row: Row[Any], waits: Iterable[float], checks: Mapping[str, int]) -> None:
    figures.count_run(row.state, row.created_at, row.started_at, row.finished_at)
    figures.checks += sum(checks.values())
    figures.checks_up += checks.get(TaskState.SUCCEEDED, 0)
    for wait in waits:
        figures.task_wait.add(wait)
    late = _lateness(row)
    if late is not None:
        figures.lateness.add(late)


def _lateness(row: Row[Any]) -> float | None:
    """Return how long after its nominal time the run was created, None for one that had none to keep."""
    if row.trigger_kind not in SCHEDULE_KINDS or row.retry_of is not None or row.backfill_id is not None:
        return None
    nominal = row.trigger.get("scheduled_at")
    late: float | None = None if nominal is None else (row.created_at - datetime.fromisoformat(nominal)).total_seconds()
    return late


def _put_together(hours: Mapping[tuple[str, str, datetime], Figures]) -> dict[Bucket, Figures]:
    """Return the figures of workflows' hours, and what they come to by day, by namespace and in all."""
    found: dict[Bucket, Figures] = {}
    for (workflow_id, namespace, hour), figures in hours.items():
        for scope in (workflow_id, scope_of_namespace(namespace), EVERYTHING):
            for width in Width:
                found.setdefault(Bucket(scope, width, bucket_of(hour, width)), Figures()).merge(figures)
    return found


def _stored(connection: Connection, keys: Collection[str]) -> dict[str, Figures]:
    query = select(rollups.c.id, rollups.c.figures).where(one_of(rollups.c.id, keys))
    return {row[0]: read_figures(row[1]) for row in connection.execute(query)}


def _storable(figures: Figures) -> Any:
    return msgspec.to_builtins(figures, str_keys=True)


def read_figures(stored: Any) -> Figures:
    """Return figures as they were stored."""
    return msgspec.convert(stored, Figures, str_keys=True)
