"""Reads for those who ask: log batches of a run, by their position. Writes nothing, and promises no lock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from engine.machine.states import RUN_TERMINAL
from engine.store.tables import attempts, log_batches, runs, task_runs
from engine.store.tables_rollups import run_logs


@dataclass(frozen=True, slots=True)
class LogBatchRow:
    """Consecutive lines of one attempt; `data` is read by `engine.broker.logs.unpack`."""

    pos: int
    task: str
    key: str
    attempt: int
    line_count: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LogStanding:
    """Whether more can come: how the run stands, and how many batches of its ended attempts are not there yet.

    `removed_at` is when retention took the log; nothing is missing then, and nothing is left.
    """

    state: str
    finished_at: datetime | None
    missing: int
    removed_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.state in RUN_TERMINAL


def _of_run(query: Select[Any], run_id: str, task: str | None) -> Select[Any]:
    joined = query.join(task_runs, task_runs.c.id == log_batches.c.task_run_id).where(log_batches.c.run_id == run_id)
    return joined if task is None else joined.where(task_runs.c.task == task)


def list_log_batches(
    connection: Connection, run_id: str, *, after: int, limit: int, task: str | None = None
) -> list[LogBatchRow]:
    """Return at most `limit` batches with positions above `after`, in order."""
    query = select(
        log_batches.c.pos,
        task_runs.c.task,
        task_runs.c.key,
        log_batches.c.attempt,
        log_batches.c.line_count,
        log_batches.c.data,
    )
    query = _of_run(query, run_id, task).where(log_batches.c.pos > after).order_by(log_batches.c.pos).limit(limit)
    return [LogBatchRow(*row) for row in connection.execute(query)]


def position_of_tail(connection: Connection, run_id: str, *, lines: int, task: str | None = None) -> tuple[int, int]:
    """Return the position after which at least the last `lines` lines stand, and how many lines stand there.

    Fewer than `lines` means that this is all there is.
    """
    query = _of_run(select(log_batches.c.pos, log_batches.c.line_count), run_id, task)
    found, position = 0, 0
    with connection.execution_options(yield_per=100).execute(query.order_by(log_batches.c.pos.desc())) as rows:
        for position, count in rows:
            found += count
            if found >= lines:
                return position - 1, found
    return 0, found


def log_standing(connection: Connection, run_id: str) -> LogStanding | None:
    """Return whether more lines can come; None where there is no such run."""
    query = select(runs.c.state, runs.c.finished_at, run_logs.c.removed_at)
    query = query.outerjoin(run_logs, run_logs.c.run_id == runs.c.id).where(runs.c.id == run_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.removed_at is not None:
        return LogStanding(row.state, row.finished_at, 0, row.removed_at)
    there = (
        select(func.count())
        .where(
            and_(
                log_batches.c.task_run_id == attempts.c.task_run_id,
                log_batches.c.attempt == attempts.c.number,
                log_batches.c.claim_id == attempts.c.claim_id,
            )
        )
        .correlate(attempts)
        .scalar_subquery()
    )
    promised = select(attempts.c.log_batches, there).where(attempts.c.run_id == run_id, attempts.c.log_batches > 0)
    missing = sum(max(wanted - found, 0) for wanted, found in connection.execute(promised))
    return LogStanding(row.state, row.finished_at, missing)
