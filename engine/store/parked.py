"""Messages that nobody can read: kept, counted, visible."""

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from engine.store.tables import parked_messages


def park(connection: Connection, queue: str, body: bytes, error: str, now: datetime) -> None:
    """Keep a message that cannot be read."""
    row = {"queue": queue, "body": body, "error": error.replace("\0", "\ufffd"), "created_at": now}
    connection.execute(insert(parked_messages).values(row))


def parked_count(connection: Connection) -> int:
    """Return how many messages are parked."""
    return connection.execute(select(func.count()).select_from(parked_messages)).scalar_one()
