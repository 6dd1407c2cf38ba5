"""Old data goes, in bounded bites."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select

from engine.machine.states import RUN_TERMINAL
from engine.store.tables import (
    attempts,
    firings,
    idempotency_keys,
    log_batches,
    run_data,
    run_labels,
    runs,
    signals,
    task_runs,
)

RUNS_MAX: Final = 100


def delete_runs(connection: Connection, finished_before: datetime) -> int:
    """Delete at most `RUNS_MAX` runs that ended before that moment, with all that belongs to them; return how many."""
    old = (
        select(runs.c.id)
        .where(
            runs.c.created_at < finished_before,
            runs.c.finished_at < finished_before,
            runs.c.state.in_([str(state) for state in sorted(RUN_TERMINAL)]),
        )
        .order_by(runs.c.created_at)
        .limit(RUNS_MAX)
    )
    ids = list(connection.execute(old).scalars())
    if ids:
        for table in (log_batches, attempts, task_runs, run_labels, run_data, signals):
            connection.execute(delete(table).where(table.c.run_id.in_(ids)))
        connection.execute(delete(runs).where(runs.c.id.in_(ids)))
    return len(ids)


def delete_firings(connection: Connection, before: datetime) -> int:
    """Delete the fire ledger's rows of before that moment; return how many."""
    return connection.execute(delete(firings).where(firings.c.created_at < before)).rowcount


def delete_idempotency_keys(connection: Connection, before: datetime) -> int:
    """Delete idempotency keys of before that moment; return how many."""
    return connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < before)).rowcount
