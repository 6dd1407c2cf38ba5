"""Sources and their state."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from msgspec import convert

from api.schemas.base import Answer
from dsl.diagnostics import Diagnostic

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.reads_sources import SourceRow


class Condition(Answer, frozen=True, kw_only=True):
    """One thing that is true of a source or not. `at` is when it last changed."""

    status: bool
    reason: str
    message: str = ""
    version: str | None = None
    at: datetime


class Source(Answer, frozen=True, kw_only=True):
    """One source: what was seen of it, what is applied, its conditions, and what is wrong with its files."""

    name: str
    kind: str
    config: dict[str, Any]
    conditions: dict[str, Condition]
    diagnostics: list[Diagnostic]
    seen_version: str | None
    applied_version: str | None
    synced_at: datetime | None
    updated_at: datetime

    @classmethod
    def of(cls, row: "SourceRow") -> Self:
        """Return the source of a row."""
        return cls(
            name=row.name,
            kind=row.kind,
            config=row.config,
            conditions=convert(row.conditions, dict[str, Condition]),
            diagnostics=convert(row.diagnostics, list[Diagnostic]),
            seen_version=row.seen_version,
            applied_version=row.applied_version,
            synced_at=row.synced_at,
            updated_at=row.updated_at,
        )


class SourcePage(Answer, frozen=True, kw_only=True):
    """Sources by name."""

    items: list[Source]
    next: str | None
