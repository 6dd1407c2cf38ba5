"""The tables of outgoing webhooks, and of what is delivered to them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from engine.store.tables import metadata
from engine.store.types import Json, Timestamp

webhooks = Table(
    "webhooks",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("url", Text, nullable=False),
    Column("kinds", Json, nullable=False),
    Column("namespaces", Json, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("created_at", Timestamp, nullable=False),
)
"""Who is told of events. `position` is the last event that was looked at for it."""

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("webhook", String(100), nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("payload", Json, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("next_at", Timestamp),
    Column("created_at", Timestamp, nullable=False),
    Column("sent_at", Timestamp),
    UniqueConstraint("webhook", "event_id", name="uq_webhook_deliveries_webhook"),
    Index("ix_webhook_deliveries_webhook", "webhook", "id"),
    Index("ix_webhook_deliveries_due", "state", "next_at"),
    CheckConstraint("state IN ('pending', 'sent', 'dead')", name="state"),
)
"""One event for one webhook. The id is the `webhook-id` that receivers see, at each try the same."""
