"""Answers kept for 24 hours under the caller's key, so that a repeated request is carried out once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.tables import idempotency_keys

KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What an earlier request under the same key asked (as a digest) and was answered."""

    body_digest: str
    status: int
    response: Any


def find_answer(connection: Connection, scope: str, key: str, now: datetime) -> StoredAnswer | None:
    """Return the answer kept under the key, if it is not too old."""
    table = idempotency_keys
    query = select(table.c.body_digest, table.c.status, table.c.response).where(
        table.c.scope == scope, table.c.key == key, table.c.created_at > now - KEPT
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else StoredAnswer(*row)


def keep_answer(connection: Connection, scope: str, key: str, answer: StoredAnswer, now: datetime) -> bool:
    """Keep an answer; return False, with nothing changed, if another request was first."""
    table = idempotency_keys
    connection.execute(
        delete(table).where(table.c.scope == scope, table.c.key == key, table.c.created_at <= now - KEPT)
    )
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(
        scope=scope,
        key=key,
        body_digest=answer.body_digest,
        status=answer.status,
        response=answer.response,
        created_at=now,
    )
    written = connection.execute(statement.on_conflict_do_nothing().returning(table.c.key))
    return written.one_or_none() is not None
