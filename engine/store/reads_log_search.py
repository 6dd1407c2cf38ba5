"""Reads for those who search: a workflow's runs and their log batches, newest first. Writes nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from engine.store.reads_logs import LogBatchRow
from engine.store.run_filter import CLOCK_SKEW, id_floor
from engine.store.tables import log_batches, runs, task_runs


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run, when it ended, and whether there is anything of its log."""

    id: str
    finished_at: datetime | None
    logged: bool


def list_logged_runs(
    connection: Connection, workflow_id: str, *, upto: str | None, until: datetime | None, limit: int
) -> list[LoggedRun]:
    """Return at most `limit` runs of the workflow, newest first, from the run `upto` on, that began before `until`."""
    # No EXISTS: PostgreSQL may answer that by reading the whole table once.
    first = select(log_batches.c.pos).where(log_batches.c.run_id == runs.c.id).limit(1).scalar_subquery()
    query = select(runs.c.id, runs.c.finished_at, first.is_not(None)).where(runs.c.workflow_id == workflow_id)
    if upto is not None:
        query = query.where(runs.c.id <= upto)
    if until is not None:
        query = query.where(runs.c.id < id_floor(until + CLOCK_SKEW))
    return [LoggedRun(*row) for row in connection.execute(query.order_by(runs.c.id.desc()).limit(limit))]


def list_batches_below(connection: Connection, run_id: str, *, below: int, limit: int) -> list[LogBatchRow]:
    """Return at most `limit` batches of the run with positions below `below`, the last first."""
    query = (
        select(log_batches.c.pos, task_runs.c.task, task_runs.c.key, log_batches.c.attempt, log_batches.c.line_count)
        .add_columns(log_batches.c.data)
        .join(task_runs, task_runs.c.id == log_batches.c.task_run_id)
        .where(log_batches.c.run_id == run_id, log_batches.c.pos < below)
        .order_by(log_batches.c.pos.desc())
    )
    return [LogBatchRow(*row) for row in connection.execute(query.limit(limit))]
