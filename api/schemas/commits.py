"""What became of the commits of a source."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from msgspec import convert

from api.schemas.base import Answer
from dsl.diagnostics import Diagnostic
from engine.commit_outcomes import CommitOutcome

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.commits import CommitRow


class Commit(Answer, frozen=True, kw_only=True):
    """One commit. `current`: it is what the source has live. `diagnostics` are the first 20, errors before warnings.

    `superseded_by` is the commit that overtook it. `status_error` says why the forge has not been told of the outcome
    yet, or never will be; empty where it has been, or is not to be.
    """

    source: str
    commit: str
    author: str
    title: str
    outcome: CommitOutcome
    current: bool
    message: str
    diagnostics: list[Diagnostic]
    superseded_by: str | None
    seen_at: datetime
    settled_at: datetime | None
    status_error: str

    @classmethod
    def of(cls, row: "CommitRow", applied_version: str | None) -> Self:
        """Return the commit of a row, of a source that has `applied_version` live."""
        return cls(
            source=row.source,
            commit=row.version,
            author=row.author,
            title=row.title,
            outcome=CommitOutcome(row.outcome),
            current=row.version == applied_version,
            message=row.message,
            diagnostics=convert(row.diagnostics, list[Diagnostic]),
            superseded_by=row.superseded_by,
            seen_at=row.seen_at,
            settled_at=row.settled_at,
            status_error=row.status_error,
        )


class CommitPage(Answer, frozen=True, kw_only=True):
    """Commits, those seen last first."""

    items: list[Commit]
    next: str | None
