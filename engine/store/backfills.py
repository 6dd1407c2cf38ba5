"""Backfills: created, carried on, switched. What became of each of their times stands in the fire ledger.

A batch of times is decided in one transaction that has the backfill's row locked and finds it as it was seen: the
ledger's rows, the runs, and the cursor go together, so a loop that dies anywhere has either done them or not.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from engine.backfilling import BackfillState
from engine.machine.model import Run
from engine.store.reads_backfills import OPEN, BackfillRow
from engine.store.runs import create_runs
from engine.store.tables import backfills, workflows
from engine.store.triggers import Firing, enter


def create_backfill(connection: Connection, row: BackfillRow) -> str | None:
    """Write a new backfill; return None, or the id of the one that goes on already over a part of the same range.

    Two of one trigger could otherwise run a time twice at once. The workflow's row is locked, so that they take turns.
    """
    connection.execute(select(workflows.c.id).where(workflows.c.id == row.workflow_id).with_for_update())
    same = (backfills.c.workflow_id == row.workflow_id, backfills.c.trigger == row.trigger)
    overlap = (backfills.c.since < row.until, backfills.c.until > row.since, backfills.c.state.in_(OPEN))
    other = connection.execute(select(backfills.c.id).where(*same, *overlap).limit(1)).scalar()
    if other is None:
        values = {column.name: getattr(row, column.name) for column in backfills.columns}
        values |= {"policy": str(row.policy), "state": str(row.state), "inputs": dict(row.inputs)}
        connection.execute(insert(backfills).values(values))
    return other


def record_times(connection: Connection, seen: BackfillRow, decided: Sequence[Firing], now: datetime) -> list[Run]:
    """Write what becomes of the next times, in the backfill's order; return the runs that were created.

    Nothing is written if the backfill is not as it was seen: another loop was first, or somebody has switched it.
    """
    locked = select(backfills.c.cursor).where(
        backfills.c.id == seen.id, backfills.c.state == str(BackfillState.RUNNING)
    )
    found = connection.execute(locked.with_for_update(skip_locked=True)).one_or_none()
    if found is None or found.cursor != seen.cursor or not decided:
        return []
    key = (seen.workflow_id, seen.trigger)
    entered = enter(connection, [(key, firing) for firing in decided], now, seen.kind)
    created = [each.run for each in decided if each.run is not None and (*key, each.fire_time) in entered]
    create_runs(connection, created)
    values = {
        "cursor": decided[-1].fire_time,
        "made": backfills.c.made + len(created),
        "skipped": backfills.c.skipped + sum(each.run is None for each in decided),
        "updated_at": now,
    }
    connection.execute(update(backfills).where(backfills.c.id == seen.id).values(values))
    return created


def switch_backfill(
    connection: Connection,
    backfill_id: str,
    before: Sequence[BackfillState],
    after: BackfillState,
    now: datetime,
    message: str = "",
) -> bool:
    """Put a backfill that is in one of the states `before` into another; return whether it was."""
    ends = after in {BackfillState.FINISHED, BackfillState.CANCELLED}
    values = {"state": str(after), "message": message, "updated_at": now, "finished_at": now if ends else None}
    one = (backfills.c.id == backfill_id, backfills.c.state.in_([str(state) for state in before]))
    return connection.execute(update(backfills).where(*one).values(values)).rowcount == 1
