"""Log batches: written once, with positions that grow by one within a run, so that a cursor is one number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, text, tuple_

from engine.machine.model import RUN_ID_LENGTH
from engine.store.bulk import Bulk, Row
from engine.store.tables import log_batches

_insert = Bulk(
    log_batches,
    ["run_id", "pos", "task_run_id", "attempt", "claim_id", "batch_no", "line_count", "data", "created_at"],
)


@dataclass(frozen=True, slots=True)
class NewBatch:
    """One batch of an attempt's lines, compressed."""

    task_run_id: str
    attempt: int
    claim_id: str
    batch_no: int
    line_count: int
    data: bytes

    @property
    def run_id(self) -> str:
        """The run that the attempt belongs to."""
        return self.task_run_id[:RUN_ID_LENGTH]

    @property
    def key(self) -> tuple[str, int, str, int]:
        """What makes the batch the same when it is sent again."""
        return (self.task_run_id, self.attempt, self.claim_id, self.batch_no)


def append_batches(connection: Connection, batches: Sequence[NewBatch], now: datetime) -> None:
    """Append the batches to their runs in the order given; those already there are left out.

    Writers take turns until the end of the transaction: two that counted at once would give a position twice.
    """
    if not batches:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('log positions', 0))"))
    keys = (log_batches.c.task_run_id, log_batches.c.attempt, log_batches.c.claim_id, log_batches.c.batch_no)
    found = select(*keys).where(tuple_(*keys).in_([batch.key for batch in batches]))
    there = {tuple(row) for row in connection.execute(found)}
    fresh = [batch for batch in {batch.key: batch for batch in batches}.values() if batch.key not in there]
    next_pos = _next_positions(connection, {batch.run_id for batch in fresh})
    rows = []
    for batch in fresh:
        rows.append(_row(batch, next_pos[batch.run_id], now))
        next_pos[batch.run_id] += 1
    _insert.insert(connection, rows)


def _next_positions(connection: Connection, run_ids: set[str]) -> dict[str, int]:
    positions = dict.fromkeys(run_ids, 1)
    query = select(log_batches.c.run_id, func.max(log_batches.c.pos)).where(log_batches.c.run_id.in_(run_ids))
    for run_id, highest in connection.execute(query.group_by(log_batches.c.run_id)):
        positions[run_id] = highest + 1
    return positions


def _row(batch: NewBatch, pos: int, now: datetime) -> Row:
    fixed = (batch.attempt, batch.claim_id, batch.batch_no, batch.line_count, batch.data, now)
    return (batch.run_id, pos, batch.task_run_id, *fixed)
