"""Sources and their state."""

from datetime import datetime
from typing import Any, Self

from api.schemas.base import Answer
from engine.store.reads_sources import SourceRow


class Source(Answer, frozen=True, kw_only=True):
    """One source: what was seen of it, what is applied, its conditions, and what is wrong with its files."""

    name: str
    kind: str
    config: dict[str, Any]
    conditions: Any
    diagnostics: Any
    seen_version: str | None
    applied_version: str | None
    synced_at: datetime | None
    updated_at: datetime

    @classmethod
    def of(cls, row: SourceRow) -> Self:
        """Return the source of a row."""
        return cls(
            name=row.name,
            kind=row.kind,
            config=row.config,
            conditions=row.conditions,
            diagnostics=row.diagnostics,
            seen_version=row.seen_version,
            applied_version=row.applied_version,
            synced_at=row.synced_at,
            updated_at=row.updated_at,
        )


class SourcePage(Answer, frozen=True, kw_only=True):
    """Sources by name."""

    items: list[Source]
    next: str | None
