"""The tables of who may do what: accounts with their roles, and what they prove themselves with."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table, Text

from engine.store.tables import metadata
from engine.store.types import Timestamp

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("password_hash", Text),
    Column("disabled_at", Timestamp),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
)
"""People, and programs (without a password)."""

account_roles = Table(
    "account_roles",
    metadata,
    Column("account", String(100), ForeignKey("accounts.name"), primary_key=True),
    Column("namespaces", String(100), primary_key=True),
    Column("role", String(20), nullable=False),
)
"""The role of an account in namespaces: `*`, `data`, or `data.*`."""

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("account", String(100), ForeignKey("accounts.name"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("role", String(20)),
    Column("namespaces", String(100)),
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp),
    Column("last_used_at", Timestamp),
    Index("ix_api_tokens_account", "account"),
)
"""Tokens of programs, by the SHA-256 of each. `role` and `namespaces` narrow what the account may."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(36), primary_key=True),
    Column("private_key", LargeBinary, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
)
"""The keys that access tokens are signed with, the newest first; the private one is sealed with the keys of secrets."""

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("family", String(36), nullable=False),
    Column("account", String(100), ForeignKey("accounts.name"), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("used_at", Timestamp),
    Index("ix_refresh_tokens_family", "family"),
    Index("ix_refresh_tokens_account", "account"),
    Index("ix_refresh_tokens_expires_at", "expires_at"),
)
"""What a log-in is carried on with, each once; all that came from one log-in are a family."""
