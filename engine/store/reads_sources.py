"""Reads for those who ask: sources and their state. Writes nothing, and promises no lock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from engine.store.tables import sources


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source: what was seen of it, what is applied, and what is wrong with it."""

    name: str
    kind: str
    config: dict[str, Any]
    conditions: dict[str, Any]
    diagnostics: list[Any]
    applied_version: str | None
    seen_version: str | None
    synced_at: datetime | None
    updated_at: datetime


_SOURCE: tuple[ColumnElement[Any], ...] = (
    sources.c.name,
    sources.c.kind,
    sources.c.config,
    sources.c.conditions,
    sources.c.diagnostics,
    sources.c.applied_version,
    sources.c.seen_version,
    sources.c.synced_at,
    sources.c.updated_at,
)


def list_sources(connection: Connection, *, after: str | None, limit: int) -> list[SourceRow]:
    """Return at most `limit` sources by name, those after `after`."""
    query = select(*_SOURCE).order_by(sources.c.name).limit(limit)
    if after is not None:
        query = query.where(sources.c.name > after)
    return [SourceRow(*row) for row in connection.execute(query)]


def read_source(connection: Connection, name: str) -> SourceRow | None:
    """Return one source."""
    row = connection.execute(select(*_SOURCE).where(sources.c.name == name)).one_or_none()
    return None if row is None else SourceRow(*row)
