"""Old data goes, in bounded bites: each call is one short transaction's worth, to be repeated until nothing is left."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, exists, select, tuple_

from engine.machine.states import RUN_TERMINAL
from engine.store.membership import one_of
from engine.store.tables import (
    artifacts,
    attempts,
    backfills,
    firings,
    holders,
    idempotency_keys,
    log_batches,
    notifications,
    resources,
    run_data,
    run_labels,
    runs,
    signals,
    task_runs,
)
from engine.store.tables_rollups import run_logs

RUNS_MAX: Final = 50
ROWS_MAX: Final = 450
"""Rows of other tables a bite; with the runs themselves that is 500."""

_OF_A_RUN: Final = (log_batches, artifacts, task_runs, attempts, signals, notifications, run_labels, run_logs, run_data)


@dataclass(frozen=True, slots=True)
class Bite:
    """What one call deleted: how many runs, and how many rows in all. No rows: nothing is left."""

    runs: int
    rows: int


def delete_runs(connection: Connection, finished_before: datetime) -> Bite:
    """Delete the oldest runs that ended before that moment, with all that belongs to them.

    A run with more rows than a bite loses them over several; its own row goes last.
    """
    ids = list(connection.execute(_ended(finished_before)).scalars())
    if not ids:
        return Bite(0, 0)
    room = ROWS_MAX
    for table in _OF_A_RUN:
        # The highest keys first: what is left of a run's log has no gap.
        order = [column.desc() for column in table.primary_key.columns]
        room -= delete_some(connection, table, table.c.run_id.in_(ids), room, *order)
        if room == 0:
            return Bite(0, ROWS_MAX)
    connection.execute(delete(runs).where(runs.c.id.in_(ids)))
    return Bite(len(ids), ROWS_MAX - room + len(ids))


def delete_firings(connection: Connection, before: datetime) -> int:
    """Delete rows of the fire ledger made before that moment, at most `ROWS_MAX`; return how many."""
    return delete_some(connection, firings, firings.c.created_at < before, ROWS_MAX, firings.c.created_at)


def delete_backfills(connection: Connection, finished_before: datetime) -> int:
    """Delete backfills that ended before that moment, at most `ROWS_MAX`; return how many."""
    finished_at = backfills.c.finished_at
    return delete_some(connection, backfills, finished_at < finished_before, ROWS_MAX, finished_at)


def delete_idempotency_keys(connection: Connection, before: datetime) -> int:
    """Delete idempotency keys of before that moment, at most `ROWS_MAX`; return how many."""
    created_at = idempotency_keys.c.created_at
    return delete_some(connection, idempotency_keys, created_at < before, ROWS_MAX, created_at)


def delete_idle_resources(connection: Connection) -> int:
    """Delete resources that nobody holds or waits for, at most `ROWS_MAX`; return how many.

    Who asks for one locks its row first: those locked here have nobody on the way when they are looked at again.
    """
    idle = ~exists().where(holders.c.resource == resources.c.name)
    found = select(resources.c.name).where(idle).order_by(resources.c.name).limit(ROWS_MAX)
    names = list(connection.execute(found.with_for_update(skip_locked=True)).scalars())
    if not names:
        return 0
    return connection.execute(delete(resources).where(one_of(resources.c.name, names), idle)).rowcount


def _ended(before: datetime) -> Select[str]:
    where: Iterable[ColumnElement[bool]] = (
        runs.c.created_at < before,
        runs.c.finished_at < before,
        runs.c.state.in_([str(state) for state in sorted(RUN_TERMINAL)]),
    )
    return select(runs.c.id).where(*where).order_by(runs.c.created_at, runs.c.id).limit(RUNS_MAX)


def delete_some(
    connection: Connection, table: Table, where: ColumnElement[bool], rows_max: int, *order: ColumnElement[Any]
) -> int:
    """Delete at most `rows_max` rows, in that order; return how many."""
    key = list(table.primary_key.columns)
    some = select(*key).where(where).order_by(*order).limit(rows_max)
    return connection.execute(delete(table).where(tuple_(*key).in_(some))).rowcount
