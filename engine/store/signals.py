"""Signals: what anybody tells a run. The executor reads what is due and deletes what it has applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from engine.machine.changes import NewSignal
from engine.store.bulk import Bulk
from engine.store.membership import one_of_named
from engine.store.tables import signals

_bulk = Bulk(signals, ["run_id", "kind", "payload", "due_at", "dedupe_key"])
_due = (
    select(signals.c.id, signals.c.run_id, signals.c.kind, signals.c.payload)
    .where(one_of_named(signals.c.run_id, "run_ids"), signals.c.due_at <= bindparam("now"))
    .order_by(signals.c.id)
)
_delete_applied = delete(signals).where(one_of_named(signals.c.id, "ids"))
_delete_of = delete(signals).where(one_of_named(signals.c.run_id, "run_ids"))


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal that is due."""

    id: int
    run_id: str
    kind: str
    payload: dict[str, Any]


def insert_signals(connection: Connection, rows: Sequence[tuple[str, NewSignal]]) -> None:
    """Insert signals of (run id, signal); one whose `dedupe_key` is there already is left out."""
    _bulk.insert(
        connection,
        [(run_id, signal.kind, signal.payload, signal.due_at, signal.dedupe_key) for run_id, signal in rows],
        ignore_conflicts=True,
    )


def due_signals(connection: Connection, run_ids: Sequence[str], now: datetime) -> list[SignalRow]:
    """Return the due signals of these runs, in the order in which they were inserted."""
    if not run_ids:
        return []
    return [SignalRow(*row) for row in connection.execute(_due, {"run_ids": run_ids, "now": now})]


def delete_applied(connection: Connection, applied: Mapping[str, Sequence[int]]) -> None:
    """Delete signals that the transaction applies."""
    ids = [signal_id for found in applied.values() for signal_id in found]
    if ids:
        connection.execute(_delete_applied, {"ids": ids})


def delete_of(connection: Connection, run_ids: Sequence[str]) -> None:
    """Delete every signal of runs that have ended."""
    if run_ids:
        connection.execute(_delete_of, {"run_ids": run_ids})
