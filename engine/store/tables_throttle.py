"""The table of log-ins that failed."""

from sqlalchemy import Column, Index, Integer, String, Table

from engine.store.tables import metadata
from engine.store.types import Timestamp

failed_log_ins = Table(
    "failed_log_ins",
    metadata,
    Column("name_digest", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Timestamp, nullable=False),
    Index("ix_failed_log_ins_last_at", "last_at"),
)
"""Tries in a row of one name, whether or not there is such an account, by the SHA-256 of the name."""
