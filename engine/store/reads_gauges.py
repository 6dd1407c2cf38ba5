"""How much there is of what is open: runs (by an index on states), workers, connections. For metrics."""

from dataclasses import dataclass

from sqlalchemy import Connection, QueuePool, func, select

from engine.machine.states import RUN_TERMINAL, RunState
from engine.store.database import Database
from engine.store.tables import runs, sessions


@dataclass(slots=True)
class Capacity:
    """What serves a pool: live workers, and their slots for it."""

    workers: int = 0
    slots: int = 0


def open_runs(connection: Connection) -> dict[RunState, int]:
    """Return how many runs are in each state that is not an end."""
    still = [state for state in RunState if state not in RUN_TERMINAL]
    query = select(runs.c.state, func.count()).where(runs.c.state.in_(still)).group_by(runs.c.state)
    return dict.fromkeys(still, 0) | {RunState(state): number for state, number in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections of a process to its database: those that wait to be used, those in use, and how many may be."""

    idle: int
    used: int
    most: int


def pool_capacity(connection: Connection) -> dict[str, Capacity]:
    """Return what serves each pool now. A worker's slots are dealt to its pools in turn."""
    found: dict[str, Capacity] = {}
    query = select(sessions.c.pools, sessions.c.slots).where(sessions.c.ended_at.is_(None))
    for pools, slots in connection.execute(query):
        for position, pool in enumerate(pools):
            capacity = found.setdefault(pool, Capacity())
            capacity.workers += 1
            capacity.slots += slots // len(pools) + (position < slots % len(pools))
    return found


def connections(database: Database) -> Connections | None:
    """Return the state of the pool of connections; None for a database in memory, which has no pool."""
    pool = database.engine.pool
    if not isinstance(pool, QueuePool):
        return None
    most = pool.size() + pool._max_overflow  # noqa: SLF001 - SQLAlchemy shows it in no other way
    return Connections(idle=pool.checkedin(), used=pool.checkedout(), most=most)
