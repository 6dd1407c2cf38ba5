"""Who holds a limited resource, and who waits for it in which order.

All of it happens in the executor's transaction; resource rows are locked in the order of their names. The answer to
the run is a signal: `granted`, or `full` when it does not want to wait.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.machine.model import Changes, NewSignal
from engine.store.signals import insert_signals
from engine.store.tables import holders, resources


def acquire(connection: Connection, batch: Sequence[Changes], now: datetime) -> set[str]:
    """Enter what the batch asks for; return the runs that have a signal to read now."""
    wanted: dict[str, list[Changes]] = defaultdict(list)
    for changes in batch:
        if changes.acquire is not None:
            wanted[changes.acquire.resource].append(changes)
    woken: set[str] = set()
    for resource in sorted(wanted):
        limit = wanted[resource][-1].acquire
        assert limit is not None
        _set_capacity(connection, resource, limit.limit)
        for changes in wanted[resource]:
            woken |= _ask(connection, changes, now)
        woken |= _grant_next(connection, resource, now)
    return woken


def release(connection: Connection, run_ids: Sequence[str], now: datetime) -> set[str]:
    """Delete what ended runs hold or wait for; return the runs that are next in line and have been told."""
    if not run_ids:
        return set()
    gone = delete(holders).where(holders.c.run_id.in_(run_ids)).returning(holders.c.resource)
    freed = sorted(set(connection.execute(gone).scalars()))
    woken: set[str] = set()
    for resource in freed:
        _lock(connection, resource)
        woken |= _grant_next(connection, resource, now)
    return woken


def grant_waiting(connection: Connection, names: Iterable[str], now: datetime) -> set[str]:
    """Grant what is free in these resources (a sweep's repair); return the runs that have been told."""
    woken: set[str] = set()
    for resource in sorted(names):
        _lock(connection, resource)
        woken |= _grant_next(connection, resource, now)
    return woken


def _ask(connection: Connection, changes: Changes, now: datetime) -> set[str]:
    asked = changes.acquire
    assert asked is not None
    held = _held(connection, asked.resource)
    full = len(held) >= asked.limit
    if full and asked.overlap == "skip":
        message = f"at most {asked.limit} may run at once; running: {', '.join(held[:5])}"
        _tell(connection, [(changes.run.id, NewSignal("full", {"message": message}, now))])
        return {changes.run.id}
    position = select(func.coalesce(func.max(holders.c.position), 0) + 1).scalar_subquery()
    row = {"resource": asked.resource, "run_id": changes.run.id, "position": position, "created_at": now}
    connection.execute(insert(holders).values(row))
    if full and asked.overlap == "cancel_running":
        payload = {"reason": "cancelled_by_overlap", "by": f"run {changes.run.id}"}
        _tell(
            connection,
            [(run_id, NewSignal("cancel", payload, now, f"overlap:{run_id}:{changes.run.id}")) for run_id in held],
        )
        return set(held)
    return set()


def _grant_next(connection: Connection, resource: str, now: datetime) -> set[str]:
    capacity = connection.execute(select(resources.c.capacity).where(resources.c.name == resource)).scalar() or 0
    free = capacity - len(_held(connection, resource))
    if free <= 0:
        return set()
    waiting = (
        select(holders.c.run_id)
        .where(holders.c.resource == resource, holders.c.held_at.is_(None))
        .order_by(holders.c.position)
        .limit(free)
    )
    next_in_line = list(connection.execute(waiting).scalars())
    if next_in_line:
        where = (holders.c.resource == resource, holders.c.run_id.in_(next_in_line))
        connection.execute(update(holders).where(*where).values(held_at=now))
        _tell(connection, [(run_id, NewSignal("granted", {}, now, f"granted:{run_id}")) for run_id in next_in_line])
    return set(next_in_line)


def _held(connection: Connection, resource: str) -> list[str]:
    query = select(holders.c.run_id).where(holders.c.resource == resource, holders.c.held_at.is_not(None))
    return list(connection.execute(query.order_by(holders.c.position)).scalars())


def _set_capacity(connection: Connection, resource: str, capacity: int) -> None:
    """Set the capacity, the newest asker's, and hold the resource's row for the rest of the transaction."""
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    upsert = module.insert(resources).values(name=resource, capacity=capacity)
    connection.execute(upsert.on_conflict_do_update(index_elements=["name"], set_={"capacity": capacity}))


def _lock(connection: Connection, resource: str) -> None:
    connection.execute(select(resources.c.name).where(resources.c.name == resource).with_for_update())


def _tell(connection: Connection, rows: list[tuple[str, NewSignal]]) -> None:
    insert_signals(connection, rows)
