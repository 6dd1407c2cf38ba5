"""Who holds a limited resource, and who waits for it in which order.

All of it happens in the executor's transaction; resource rows are locked in the order of their names before anything
of theirs is looked at. The answer to a run is a signal: `granted`, or `full` when it does not want to wait.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.machine.changes import Changes, NewSignal
from engine.store.bulk import Bulk
from engine.store.membership import one_of
from engine.store.signals import insert_signals
from engine.store.tables import holders, resources

NAMED_MAX: Final = 5
CANCELLED_MAX: Final = 500

_insert = Bulk(holders, ["resource", "run_id", "position", "held_at", "created_at"])

Told = list[tuple[str, NewSignal]]
"""Signals by the run that they go to."""


def settle(connection: Connection, batch: Sequence[Changes], now: datetime) -> set[str]:
    """Release what the batch's ended runs hold, then enter what its other runs ask for.

    Returns the runs that have been sent a signal and are to be woken after the commit.
    """
    asked: dict[str, list[Changes]] = defaultdict(list)
    ended: list[str] = []
    for changes in batch:
        if changes.ended:
            if changes.run.concurrency_resource is not None:
                ended.append(changes.run.id)
        elif changes.acquire is not None:
            asked[changes.acquire.resource].append(changes)
    return _serve(connection, asked, ended, (), now)


def release(connection: Connection, run_ids: Sequence[str], now: datetime) -> set[str]:
    """Delete what these runs hold or wait for; return the runs that are next in line and have been told."""
    return _serve(connection, {}, run_ids, (), now)


def grant_waiting(connection: Connection, names: Iterable[str], now: datetime) -> set[str]:
    """Grant what is free in these resources (a sweep's repair); return the runs that have been told."""
    return _serve(connection, {}, (), set(names), now)


def _serve(
    connection: Connection,
    asked: Mapping[str, Sequence[Changes]],
    gone: Sequence[str],
    looked_at: Collection[str],
    now: datetime,
) -> set[str]:
    names = {*asked, *looked_at, *_resources_of(connection, gone)}
    if not names:
        return set()
    capacity = {name: _lock(connection, name, asked.get(name, ())) for name in sorted(names)}
    if gone:
        connection.execute(delete(holders).where(one_of(holders.c.run_id, gone)))
    told: Told = []
    for name in sorted(names):
        told += _give(connection, name, capacity[name], asked.get(name, ()), now)
    insert_signals(connection, told)
    return {run_id for run_id, _ in told}


def _resources_of(connection: Connection, run_ids: Sequence[str]) -> Iterable[str]:
    if not run_ids:
        return ()
    query = select(holders.c.resource).where(one_of(holders.c.run_id, run_ids)).distinct()
    return connection.execute(query).scalars()


def _lock(connection: Connection, resource: str, asked: Sequence[Changes]) -> int:
    """Hold the resource's row for the rest of the transaction; return its capacity, which is the newest asker's."""
    newest = asked[-1].acquire if asked else None
    if newest is None:
        query = select(resources.c.capacity).where(resources.c.name == resource).with_for_update()
        return connection.execute(query).scalar() or 0
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    upsert = module.insert(resources).values(name=resource, capacity=newest.limit)
    connection.execute(upsert.on_conflict_do_update(index_elements=["name"], set_={"capacity": newest.limit}))
    return newest.limit


def _give(connection: Connection, resource: str, capacity: int, asked: Sequence[Changes], now: datetime) -> Told:
    """Grant to those who wait, in their order, then to those who ask; return what the runs are told."""
    held = _held(connection, resource)
    granted = _next_in_line(connection, resource, capacity - len(held))
    _hold(connection, resource, granted, now)
    told: Told = [(run_id, _granted(run_id, now)) for run_id in granted]
    held += granted
    entered: list[tuple[str, datetime | None]] = []
    for changes in asked:
        acquire, run_id = changes.acquire, changes.run.id
        assert acquire is not None
        if len(held) < capacity:
            held.append(run_id)
            entered.append((run_id, now))
            told.append((run_id, _granted(run_id, now)))
        elif acquire.overlap == "skip":
            told.append((run_id, _full(capacity, held, now)))
        else:
            if acquire.overlap == "cancel_running":
                waiting = [waiter for waiter, held_at in entered if held_at is None]
                ahead = [*held, *_next_in_line(connection, resource, CANCELLED_MAX), *waiting]
                told += [(other, _cancel(other, run_id, now)) for other in ahead]
            entered.append((run_id, None))
    _enter(connection, resource, entered, now)
    return told


def _held(connection: Connection, resource: str) -> list[str]:
    query = select(holders.c.run_id).where(holders.c.resource == resource, holders.c.held_at.is_not(None))
    return list(connection.execute(query.order_by(holders.c.position)).scalars())


def _next_in_line(connection: Connection, resource: str, number: int) -> list[str]:
    if number <= 0:
        return []
    query = select(holders.c.run_id).where(holders.c.resource == resource, holders.c.held_at.is_(None))
    return list(connection.execute(query.order_by(holders.c.position).limit(number)).scalars())


def _hold(connection: Connection, resource: str, run_ids: Sequence[str], now: datetime) -> None:
    if run_ids:
        where = (holders.c.resource == resource, one_of(holders.c.run_id, run_ids))
        connection.execute(update(holders).where(*where).values(held_at=now))


def _enter(
    connection: Connection, resource: str, entered: Sequence[tuple[str, datetime | None]], now: datetime
) -> None:
    """Put runs at the end of the line; one that stands in it already keeps its place."""
    if not entered:
        return
    last = select(func.max(holders.c.position)).where(holders.c.resource == resource)
    position = (connection.execute(last).scalar() or 0) + 1
    rows = [(resource, run_id, position + n, held_at, now) for n, (run_id, held_at) in enumerate(entered)]
    _insert.insert(connection, rows, ignore_conflicts=True)


def _granted(run_id: str, now: datetime) -> NewSignal:
    return NewSignal("granted", {}, now, f"granted:{run_id}")


def _full(capacity: int, held: Sequence[str], now: datetime) -> NewSignal:
    named = ", ".join(held[:NAMED_MAX])
    more = f" and {len(held) - NAMED_MAX} more" if len(held) > NAMED_MAX else ""
    return NewSignal("full", {"message": f"at most {capacity} may run at once; running: {named}{more}"}, now)


def _cancel(run_id: str, by: str, now: datetime) -> NewSignal:
    payload = {"reason": "cancelled_by_overlap", "by": f"run {by}"}
    return NewSignal("cancel", payload, now, f"overlap:{run_id}:{by}")
