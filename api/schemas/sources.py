"""Sources and their state."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import msgspec
from msgspec import convert

from api.schemas.base import Answer
from api.schemas.commits import Commit
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


class Suspension(Answer, frozen=True, kw_only=True):
    """Who lets a source rest, why, and since when."""

    by: str
    reason: str
    at: datetime


class SourceSpec(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is declared of a source: a folder or a git repository, and how it is taken over.

    The fields are those of `sources.NAME` in `chronoverse.yaml`, by the schema `server`.
    """

    folder: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    git: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    namespace: str | msgspec.UnsetType = msgspec.UNSET
    namespaces: list[str] | msgspec.UnsetType = msgspec.UNSET
    policy: str | msgspec.UnsetType = msgspec.UNSET
    prune: bool | msgspec.UnsetType = msgspec.UNSET
    suspended: bool | msgspec.UnsetType = msgspec.UNSET

    def plain(self) -> dict[str, Any]:
        """Return what was given."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        found.pop("name", None)
        return found


class SourceRequest(SourceSpec, kw_only=True):
    """A source to be declared."""

    name: str


class SuspendRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why a source is to rest."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Removed(Answer, frozen=True, kw_only=True):
    """What became of a removed source's workflows."""

    name: str
    archived: int


class Source(Answer, frozen=True, kw_only=True):
    """One source: what was seen of it, what is applied, its conditions, and what is wrong with its files."""

    name: str
    kind: str
    config: dict[str, Any]
    conditions: dict[str, Condition]
    diagnostics: list[Diagnostic]
    seen_version: str | None
    applied_version: str | None
    suspended: Suspension | None
    synced_at: datetime | None
    updated_at: datetime

    @classmethod
    def of(cls, row: "SourceRow") -> Self:
        """Return the source of a row."""
        return cls(**shown(row))


def shown(row: "SourceRow") -> dict[str, Any]:
    """Return what is shown of a source, by field."""
    return {
        "name": row.name,
        "kind": row.kind,
        "config": {key: value for key, value in row.config.items() if key != "suspended"},
        "suspended": convert(row.config.get("suspended"), Suspension | None),
        "conditions": convert(row.conditions, dict[str, Condition]),
        "diagnostics": convert(row.diagnostics, list[Diagnostic]),
        "seen_version": row.seen_version,
        "applied_version": row.applied_version,
        "synced_at": row.synced_at,
        "updated_at": row.updated_at,
    }


class SyncedSource(Source, frozen=True, kw_only=True):
    """A source that is being looked at. `looked`: that was waited for, and has ended; then `commit` is what was seen.

    `commit` is null for a source without commits, and for one that could not be fetched.
    """

    looked: bool
    commit: Commit | None


class SourcePage(Answer, frozen=True, kw_only=True):
    """Sources by name."""

    items: list[Source]
    next: str | None
