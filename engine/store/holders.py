"""Who holds limited resources, and who waits for them in which order: turns, locks, slots.

All of it happens in the executor's transaction; resource rows are locked in the order of their names before anything
of theirs is looked at. The answer to a run is a signal: `granted`; `full` when it does not want to wait; `refused`
when there can never be so much. Runs of backfills stand behind all others: their positions begin at `BACKGROUND`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.machine.changes import Acquire, Changes, NewSignal
from engine.machine.resources import wants_of_run
from engine.store.bulk import Bulk
from engine.store.lines import Ledger, Owner, Waiter, serve
from engine.store.membership import one_of
from engine.store.signals import insert_signals
from engine.store.tables import holders, resources, runs

NAMED_MAX: Final = 5
CANCELLED_MAX: Final = 500
BEGUN_MAX: Final = 500
BACKGROUND: Final = 1 << 40
"""The first position of those who let all others go before them."""

_insert = Bulk(holders, ["resource", "run_id", "task_run_id", "units", "position", "held_at", "created_at"])

_BEGUN: Final = or_(holders.c.task_run_id != "", runs.c.parent_task_run.is_not(None))
"""Whether a holder's work has begun: a task run, or the child run of one."""

_line = (
    select(holders.c.run_id, holders.c.task_run_id, _BEGUN.label("begun"))
    .outerjoin(runs, runs.c.id == holders.c.run_id)
    .order_by(holders.c.position)
)

Told = list[tuple[str, NewSignal]]
"""Signals by the run that they go to."""


@dataclass(slots=True)
class _Request:
    """What one transaction changes: who asks, who is gone, and which resources are looked at anyway."""

    asked: list[tuple[str, Acquire]] = field(default_factory=list)
    gone_runs: list[str] = field(default_factory=list)
    gone_tasks: list[str] = field(default_factory=list)
    looked_at: Collection[str] = ()

    @property
    def empty(self) -> bool:
        return not (self.asked or self.gone_runs or self.gone_tasks or self.looked_at)


def settle(
    connection: Connection, batch: Sequence[Changes], now: datetime, capacities: Mapping[str, int] | None = None
) -> set[str]:
    """Release what ended runs and task runs of the batch hold, then enter what its others ask for.

    `capacities` are the units of each slot that the installation has, by the slot's name. Returns the runs that have
    been sent a signal and are to be woken after the commit.
    """
    request = _Request()
    for changes in batch:
        if changes.ended:
            if wants_of_run(changes.run) or changes.run.concurrency_resource or changes.released:
                request.gone_runs.append(changes.run.id)
            continue
        released = set(changes.released)
        request.gone_tasks += changes.released
        request.asked += [
            (changes.run.id, acquire) for acquire in changes.acquires if acquire.task_run_id not in released
        ]
    return _serve(connection, request, capacities or {}, now)


def release(connection: Connection, run_ids: Sequence[str], now: datetime) -> set[str]:
    """Delete what these runs hold or wait for; return the runs that are next in line and have been told."""
    return _serve(connection, _Request(gone_runs=list(run_ids)), {}, now)


def grant_waiting(connection: Connection, names: Iterable[str], now: datetime) -> set[str]:
    """Grant what is free in these resources (a sweep's repair); return the runs that have been told."""
    return _serve(connection, _Request(looked_at=set(names)), {}, now)


def _serve(connection: Connection, request: _Request, capacities: Mapping[str, int], now: datetime) -> set[str]:
    if request.empty:
        return set()
    told: Told = []
    asked = _possible(request.asked, capacities, told, now)
    names = {want.resource for _, acquire in asked for want in acquire.wants}
    names |= {*request.looked_at, *_resources_of(connection, request)}
    names |= _resources_beside(connection, names)
    capacity = _lock(connection, sorted(names), _limits(asked, capacities))
    _delete(connection, request)
    free = {name: capacity[name] - units for name, units in _held_units(connection, names).items()}
    ledger = Ledger(free)
    waiting, new = _waiters(connection, dict(free)), _new(connection, asked)
    for background in (False, True):
        served = serve(ledger, [waiter for waiter in waiting if (waiter.position >= BACKGROUND) is background])
        _hold(connection, served, now)
        told += [_granted(waiter.owner, now) for waiter in served]
        entering = [item for item in new if item[1].background is background]
        told += _enter(connection, entering, ledger, capacity, now)
    insert_signals(connection, told)
    return {run_id for run_id, _ in told}


def _possible(
    asked: Sequence[tuple[str, Acquire]], capacities: Mapping[str, int], told: Told, now: datetime
) -> list[tuple[str, Acquire]]:
    """Return what can ever be granted; the others are told why not."""
    possible = []
    for run_id, acquire in asked:
        faults = [
            _missing(want.resource.removeprefix("slot:"), want.units, capacities)
            for want in acquire.wants
            if want.capacity is None and want.units > capacities.get(want.resource.removeprefix("slot:"), 0)
        ]
        if faults:
            payload = {"message": "; ".join(faults), "task_run_id": acquire.task_run_id}
            told.append((run_id, NewSignal("refused", payload, now, f"refused:{run_id}:{acquire.task_run_id}")))
        else:
            possible.append((run_id, acquire))
    return possible


def _missing(name: str, units: int, capacities: Mapping[str, int]) -> str:
    if name not in capacities:
        return f"this installation has no slots named '{name}'; hint: set CHRONOVERSE_CAPACITIES"
    return f"{units} of the slots '{name}' are wanted, and there are {capacities[name]}"


def _limits(asked: Sequence[tuple[str, Acquire]], capacities: Mapping[str, int]) -> dict[str, int]:
    """Return the capacity of each resource that is asked for; the newest asker's where they differ."""
    return {
        want.resource: capacities[want.resource.removeprefix("slot:")] if want.capacity is None else want.capacity
        for _, acquire in asked
        for want in acquire.wants
    }


def _resources_of(connection: Connection, request: _Request) -> set[str]:
    found: set[str] = set()
    for column, gone in ((holders.c.run_id, request.gone_runs), (holders.c.task_run_id, request.gone_tasks)):
        if gone:
            found |= set(
                connection.execute(select(holders.c.resource).where(one_of(column, gone)).distinct()).scalars()
            )
    return found


def _resources_beside(connection: Connection, names: Collection[str]) -> set[str]:
    """Return what else those want who wait for these: they are granted all together."""
    if not names:
        return set()
    other = holders.alias()
    same = and_(other.c.run_id == holders.c.run_id, other.c.task_run_id == holders.c.task_run_id)
    query = select(other.c.resource).join(holders, same)
    query = query.where(one_of(holders.c.resource, names), holders.c.held_at.is_(None)).distinct()
    return set(connection.execute(query).scalars())


def _lock(connection: Connection, names: Sequence[str], limits: Mapping[str, int]) -> dict[str, int]:
    """Hold the resources' rows for the rest of the transaction, in the order of their names; return the capacities."""
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    capacity: dict[str, int] = {}
    for name in names:
        if name in limits:
            upsert = module.insert(resources).values(name=name, capacity=limits[name])
            connection.execute(upsert.on_conflict_do_update(index_elements=["name"], set_={"capacity": limits[name]}))
            capacity[name] = limits[name]
        else:
            query = select(resources.c.capacity).where(resources.c.name == name).with_for_update()
            capacity[name] = connection.execute(query).scalar() or 0
    return capacity


def _delete(connection: Connection, request: _Request) -> None:
    for column, gone in ((holders.c.run_id, request.gone_runs), (holders.c.task_run_id, request.gone_tasks)):
        if gone:
            connection.execute(delete(holders).where(one_of(column, gone)))


def _held_units(connection: Connection, names: Collection[str]) -> dict[str, int]:
    query = select(holders.c.resource, func.sum(holders.c.units))
    query = query.where(one_of(holders.c.resource, names), holders.c.held_at.is_not(None)).group_by(holders.c.resource)
    found = {row[0]: int(row[1]) for row in connection.execute(query)}
    return {name: found.get(name, 0) for name in names}


def _waiters(connection: Connection, free: Mapping[str, int]) -> list[Waiter]:
    """Return those who may be granted something, with all they want.

    Of runs that have not begun as many of each line as there are free units: each keeps at least one back from those
    behind. What has begun comes beside them.
    """
    begun: dict[Owner, bool] = {}
    for name, units in free.items():
        if units > 0:
            waiting = _line.where(holders.c.resource == name, holders.c.held_at.is_(None))
            queries = (waiting.where(~_BEGUN).limit(units), waiting.where(_BEGUN).limit(BEGUN_MAX))
            for query in queries:
                begun |= {Owner(row.run_id, row.task_run_id): bool(row.begun) for row in connection.execute(query)}
    if not begun:
        return []
    units_of: dict[Owner, dict[str, int]] = defaultdict(dict)
    position: dict[Owner, int] = {}
    columns = (holders.c.run_id, holders.c.task_run_id, holders.c.resource, holders.c.units, holders.c.position)
    query_all = select(*columns).where(one_of(holders.c.run_id, {owner.run_id for owner in begun}))
    for row in connection.execute(query_all.where(holders.c.held_at.is_(None))):
        owner = Owner(row.run_id, row.task_run_id)
        units_of[owner][row.resource] = row.units
        position[owner] = row.position
    return [Waiter(owner, units_of[owner], position[owner], known) for owner, known in begun.items()]


def _hold(connection: Connection, served: Sequence[Waiter], now: datetime) -> None:
    for waiter in served:
        owner = tuple_(holders.c.run_id, holders.c.task_run_id) == tuple_(*waiter.owner)
        connection.execute(update(holders).where(owner).values(held_at=now))


def _new(connection: Connection, asked: Sequence[tuple[str, Acquire]]) -> list[tuple[str, Acquire]]:
    """Return those who do not stand in line already: asking twice keeps the place."""
    if not asked:
        return []
    query = select(holders.c.run_id, holders.c.task_run_id)
    known = {tuple(row) for row in connection.execute(query.where(one_of(holders.c.run_id, [run for run, _ in asked])))}
    return [(run_id, acquire) for run_id, acquire in asked if (run_id, acquire.task_run_id) not in known]


def _enter(
    connection: Connection,
    asked: Sequence[tuple[str, Acquire]],
    ledger: Ledger,
    capacity: Mapping[str, int],
    now: datetime,
) -> Told:
    """Grant those who ask, or put them at the end of the line; return what the runs are told.

    All of them are in the background, or none.
    """
    if not asked:
        return []
    told: Told = []
    rows: list[tuple[Any, ...]] = []
    position = _last_position(connection, ledger.free, background=asked[0][1].background) + 1
    children = _children(connection, asked)
    for number, (run_id, acquire) in enumerate(asked):
        owner = Owner(run_id, acquire.task_run_id)
        units = {want.resource: want.units for want in acquire.wants}
        begun = bool(acquire.task_run_id) or run_id in children
        holds = ledger.fits(units, begun=begun)
        if not holds and acquire.overlap == "skip" and not _behind_backfill(connection, acquire, rows, capacity):
            told.append((run_id, _full(connection, acquire, rows, capacity, now)))
            continue
        if holds:
            told.append(_granted(owner, now))
        elif acquire.overlap == "cancel_running":
            told += [(other, _cancel(other, run_id, now)) for other in _ahead(connection, acquire, rows)]
        ledger.take(units, begun=begun)
        held_at = now if holds else None
        rows += [(name, *owner, wanted, position + number, held_at, now) for name, wanted in units.items()]
    _insert.insert(connection, rows)
    return told


def _children(connection: Connection, asked: Sequence[tuple[str, Acquire]]) -> set[str]:
    """Return those of the runs that are child runs."""
    if not asked:
        return set()
    query = select(runs.c.id).where(one_of(runs.c.id, {run_id for run_id, _ in asked}))
    return set(connection.execute(query.where(runs.c.parent_task_run.is_not(None))).scalars())


def _last_position(connection: Connection, names: Collection[str], *, background: bool) -> int:
    first = BACKGROUND if background else 0
    query = select(func.max(holders.c.position)).where(one_of(holders.c.resource, names))
    query = query.where(holders.c.position.between(first, first + BACKGROUND - 1))
    return int(connection.execute(query).scalar() or first)


def _behind_backfill(
    connection: Connection, acquire: Acquire, entered: Sequence[tuple[Any, ...]], capacity: Mapping[str, int]
) -> bool:
    """Whether a run would have its turn if no backfill had taken it: it waits then, and is not skipped."""
    resource = acquire.wants[0].resource
    query = select(holders.c.position, holders.c.held_at).where(holders.c.resource == resource)
    standing = list(connection.execute(query.limit(CANCELLED_MAX)))
    held = any(row.position >= BACKGROUND and row.held_at is not None for row in standing)
    ahead = sum(row.position < BACKGROUND for row in standing) + sum(row[0] == resource for row in entered)
    return held and ahead < capacity[resource]


def _ahead(connection: Connection, acquire: Acquire, entered: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return the runs that have, or wait before it for, the turn that this one wants: the first of its wants."""
    resource = acquire.wants[0].resource
    query = select(holders.c.run_id).where(holders.c.resource == resource).order_by(holders.c.position)
    query = query.where(or_(holders.c.held_at.is_not(None), holders.c.position < BACKGROUND))
    standing = list(connection.execute(query.limit(CANCELLED_MAX)).scalars())
    return list(dict.fromkeys([*standing, *(row[1] for row in entered if row[0] == resource)]))


def _granted(owner: Owner, now: datetime) -> tuple[str, NewSignal]:
    payload = {"task_run_id": owner.task_run_id} if owner.task_run_id else {}
    return owner.run_id, NewSignal("granted", payload, now, f"granted:{owner.task_run_id or owner.run_id}")


def _full(
    connection: Connection,
    acquire: Acquire,
    entered: Sequence[tuple[Any, ...]],
    capacity: Mapping[str, int],
    now: datetime,
) -> NewSignal:
    resource = acquire.wants[0].resource
    query = select(holders.c.run_id).where(holders.c.resource == resource, holders.c.held_at.is_not(None))
    held = list(connection.execute(query.order_by(holders.c.position)).scalars())
    held += [row[1] for row in entered if row[0] == resource and row[5] is not None]
    named = ", ".join(held[:NAMED_MAX])
    more = f" and {len(held) - NAMED_MAX} more" if len(held) > NAMED_MAX else ""
    message = f"at most {capacity[resource]} may run at once; running: {named}{more}"
    return NewSignal("full", {"message": message}, now)


def _cancel(run_id: str, by: str, now: datetime) -> NewSignal:
    payload = {"reason": "cancelled_by_overlap", "by": f"run {by}"}
    return NewSignal("cancel", payload, now, f"overlap:{run_id}:{by}")
