"""The table of what was asked of the API, by whom, and how it ended."""

from typing import Final

from sqlalchemy import Column, Index, Integer, String, Table, Text, text

from engine.store.tables import metadata
from engine.store.types import Timestamp

DONE: Final = text("status < 400")
REFUSED: Final = text("status >= 400")
"""Nothing was done, by HTTP status: the condition of `ix_audit_refused`, as SQLite must find it in a query."""

audit = Table(
    "audit",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", Timestamp, nullable=False),
    Column("who", String(100), nullable=False),
    Column("operation", String(50), nullable=False),
    Column("method", String(10), nullable=False),
    Column("path", Text, nullable=False),
    Column("address", String(100), nullable=False),
    Column("agent", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Index("ix_audit_who", "who", "id"),
    Index("ix_audit_operation", "operation", "id"),
    Index("ix_audit_refused", "id", postgresql_where=REFUSED, sqlite_where=REFUSED),
)
"""One row a request that may change something. No bodies: they hold secrets. Ids are in the order of time."""
