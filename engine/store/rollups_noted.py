"""Runs that have ended are noted by the transaction that ends them, so that each is counted once (`rollups`)."""

from collections.abc import Iterable

from sqlalchemy import Connection

from engine.store.bulk import Bulk
from engine.store.tables_rollups import ended_runs

_insert = Bulk(ended_runs, ["run_id"])


def note_ended(connection: Connection, run_ids: Iterable[str]) -> None:
    """Note runs that this transaction ends, to be counted."""
    _insert.insert(connection, [(run_id,) for run_id in run_ids], ignore_conflicts=True)
