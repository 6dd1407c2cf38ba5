"""Which executors are live: a row each, with an expiry."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.tables import executors


def renew_executor(connection: Connection, executor_id: str, now: datetime, ttl: timedelta) -> int:
    """Say that this executor is live until `now + ttl`, forget those that are not; return how many are."""
    connection.execute(delete(executors).where(executors.c.expires_at <= now))
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(executors).values(id=executor_id, started_at=now, expires_at=now + ttl)
    renewed = statement.on_conflict_do_update(index_elements=["id"], set_={"expires_at": now + ttl})
    connection.execute(renewed)
    return connection.execute(select(func.count()).select_from(executors)).scalar_one()


def forget_executor(connection: Connection, executor_id: str) -> None:
    """Say that this executor has ended."""
    connection.execute(delete(executors).where(executors.c.id == executor_id))
