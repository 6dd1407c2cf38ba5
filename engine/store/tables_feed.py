"""The table of what happened."""

from sqlalchemy import Column, String, Table

from engine.store.tables import metadata
from engine.store.types import Identity, Json, Timestamp

feed = Table(
    "feed",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("kind", String(40), nullable=False),
    Column("at", Timestamp, nullable=False),
    Column("namespace", String(100), nullable=False),
    Column("workflow", String(100), nullable=False),
    Column("run_id", String(36), nullable=False),
    Column("source", String(100), nullable=False),
    Column("data", Json, nullable=False),
    sqlite_autoincrement=True,
)
"""What happened: a row is entered by the transaction that makes it happen, and never changed. Ids are never given
again, so that a reader who stood at one that is deleted misses nothing."""
