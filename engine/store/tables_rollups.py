"""The tables of what is counted of ended runs: figures by hour and day, and how much log each run has."""

from sqlalchemy import BigInteger, Column, Index, String, Table, text

from engine.store.tables import metadata
from engine.store.types import Json, Timestamp

ended_runs = Table("ended_runs", metadata, Column("run_id", String(36), primary_key=True))
"""Runs that have ended and are not counted yet: a row is written by the transaction that ends the run, and deleted by
the one that counts it. So each counts once, however late it is committed."""

rollups = Table(
    "rollups",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("width", String(4), nullable=False),
    Column("starts_at", Timestamp, nullable=False),
    Column("figures", Json, nullable=False),
    Index("ix_rollups_width", "width", "starts_at"),
)
"""The figures of a workflow or a namespace over an hour or a day. The id is made of all three (`rollups.bucket_id`):
one key to look many up by, and in the order of time for those who read."""

run_logs = Table(
    "run_logs",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("workflow_id", String(36), nullable=False),
    Column("bytes", BigInteger),
    Column("finished_at", Timestamp, nullable=False),
    Column("removed_at", Timestamp),
    Index(
        "ix_run_logs_kept",
        "workflow_id",
        "finished_at",
        "bytes",
        postgresql_where=text("removed_at IS NULL"),
        sqlite_where=text("removed_at IS NULL"),
    ),
    Index(
        "ix_run_logs_unmeasured",
        "finished_at",
        postgresql_where=text("bytes IS NULL"),
        sqlite_where=text("bytes IS NULL"),
    ),
)
"""Ended runs that may have a log, and its size as it is stored; null until it is measured. Retention removes it."""
