"""Reads for those who ask: workers' sessions, what their pools have to do, and who holds what. Writes nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from engine.machine.states import TaskState
from engine.store.tables import holders, resources, sessions, task_runs


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session of a worker."""

    id: str
    worker: str
    host: str
    pools: list[str]
    kinds: list[str]
    slots: int
    draining: bool
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None

    def live(self, now: datetime) -> bool:
        """Whether its lease holds."""
        return self.ended_at is None and self.expires_at > now


@dataclass(frozen=True, slots=True)
class HolderRow:
    """One unit of a resource: held, or waited for when `held_at` is None. The lower `position` comes first."""

    run_id: str
    task_run_id: str
    units: int
    position: int
    held_at: datetime | None
    created_at: datetime


_SESSION: tuple[ColumnElement[Any], ...] = (
    sessions.c.id,
    sessions.c.worker,
    sessions.c.host,
    sessions.c.pools,
    sessions.c.kinds,
    sessions.c.slots,
    sessions.c.draining,
    sessions.c.started_at,
    sessions.c.seen_at,
    sessions.c.expires_at,
    sessions.c.ended_at,
)


def list_sessions(connection: Connection, *, ended: bool, before: str | None, limit: int) -> list[SessionRow]:
    """Return at most `limit` sessions, newest first, with ids below `before`; ended ones only if asked for."""
    query = select(*_SESSION).order_by(sessions.c.id.desc()).limit(limit)
    if not ended:
        query = query.where(sessions.c.ended_at.is_(None))
    if before is not None:
        query = query.where(sessions.c.id < before)
    return [SessionRow(*row) for row in connection.execute(query)]


def last_session_of_pool(connection: Connection, pool: str, *, limit: int = 1000) -> SessionRow | None:
    """Return the session that last served the pool, among the `limit` last seen."""
    query = select(*_SESSION).order_by(sessions.c.seen_at.desc()).limit(limit)
    return next((row for row in (SessionRow(*found) for found in connection.execute(query)) if pool in row.pools), None)


def count_pool_tasks(connection: Connection, pool: str) -> dict[str, int]:
    """Return how many task runs of the pool are `queued` and `running`."""
    query = (
        select(task_runs.c.state, func.count())
        .where(task_runs.c.pool == pool, task_runs.c.state.in_([TaskState.QUEUED, TaskState.RUNNING]))
        .group_by(task_runs.c.state)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def list_holders(connection: Connection, resource: str, *, limit: int, keys: bool = False) -> list[HolderRow]:
    """Return who holds and who waits for a resource, in their order; with `keys`, for those of its keys too."""
    query = select(
        holders.c.run_id,
        holders.c.task_run_id,
        holders.c.units,
        holders.c.position,
        holders.c.held_at,
        holders.c.created_at,
    )
    named = holders.c.resource == resource
    if keys:
        named = named | holders.c.resource.startswith(f"{resource}:", autoescape=True)
    return [HolderRow(*row) for row in connection.execute(query.where(named).order_by(holders.c.position).limit(limit))]


def read_capacity(connection: Connection, resource: str) -> int | None:
    """Return how many units the resource has; None where nobody has wanted it yet."""
    return connection.execute(select(resources.c.capacity).where(resources.c.name == resource)).scalar_one_or_none()
