"""Notices of runs' ends: due, sent, or given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from engine.store.plain_text import plain_text
from engine.store.tables import notifications


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice: `notify[position]` of its revision says to whom it goes."""

    id: int
    run_id: str
    revision_id: str
    position: int
    event: str
    payload: dict[str, Any]
    state: str
    attempts: int
    error: str
    next_at: datetime | None
    created_at: datetime
    sent_at: datetime | None


_COLUMNS = tuple(notifications.c[name] for name in NoticeRow.__dataclass_fields__)


def due_notices(connection: Connection, now: datetime, limit: int) -> list[NoticeRow]:
    """Return notices that are to be sent now, the longest due first."""
    query = select(*_COLUMNS).where(notifications.c.state == "pending", notifications.c.next_at <= now)
    return [NoticeRow(*row) for row in connection.execute(query.order_by(notifications.c.next_at).limit(limit))]


def next_due(connection: Connection) -> datetime | None:
    """Return when the next notice is to be sent, or None."""
    query = select(func.min(notifications.c.next_at)).where(notifications.c.state == "pending")
    found: datetime | None = connection.execute(query).scalar()
    return found


def list_notices(connection: Connection, *, states: Sequence[str], before: int | None, limit: int) -> list[NoticeRow]:
    """Return at most `limit` notices, newest first, with ids below `before`."""
    query = select(*_COLUMNS).order_by(notifications.c.id.desc()).limit(limit)
    if states:
        query = query.where(notifications.c.state.in_(states))
    if before is not None:
        query = query.where(notifications.c.id < before)
    return [NoticeRow(*row) for row in connection.execute(query)]


def note_sent(connection: Connection, notice_id: int, now: datetime) -> None:
    """Note that a notice was taken."""
    _change(connection, notice_id, state="sent", sent_at=now, next_at=None, error="")


def note_failed(connection: Connection, notice_id: int, error: str, next_at: datetime | None) -> None:
    """Note why a notice was not taken, and when it is tried again; None: never."""
    state = "pending" if next_at is not None else "dead"
    _change(connection, notice_id, state=state, next_at=next_at, error=plain_text(error))


def _change(connection: Connection, notice_id: int, **values: object) -> None:
    where = notifications.c.id == notice_id
    connection.execute(update(notifications).where(where).values(attempts=notifications.c.attempts + 1, **values))
