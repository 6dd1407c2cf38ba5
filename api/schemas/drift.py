"""What was changed by hand."""

from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

from api.schemas.base import Answer
from api.schemas.workflows import WorkflowName

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.reads_drift import DriftRow


class Drift(Answer, frozen=True, kw_only=True):
    """One thing that was changed by hand: of a workflow, or of a source where `workflow` is null.

    `instead` is how it would be if it were taken back; it is by itself at `until`, where that is not null.
    """

    state: Literal["paused", "pinned", "restored", "suspended"]
    workflow: WorkflowName | None
    source: str
    since: datetime
    by: str
    reason: str
    until: datetime | None
    detail: str
    instead: str

    @classmethod
    def of(cls, row: "DriftRow") -> Self:
        """Return the drift of a row."""
        detail, instead = _words(row)
        return cls(
            state=row.state,  # type: ignore[arg-type]
            workflow=WorkflowName(namespace=row.namespace, name=row.name) if row.name else None,
            source=row.source,
            since=row.since,
            by=row.by,
            reason=row.reason,
            until=row.until,
            detail=detail,
            instead=instead,
        )


class DriftPage(Answer, frozen=True, kw_only=True):
    """What was changed by hand, by workflow; sources come first."""

    items: list[Drift]
    next: str | None


def _words(row: "DriftRow") -> tuple[str, str]:
    """Return how it is, and how it would be."""
    match row.state:
        case "pinned":
            commit = f" of commit {row.commit[:12]}" if row.commit else ""
            return f"held at revision {row.held}", f"revision {row.newest}{commit}"
        case "paused":
            return "its triggers rest", "its triggers fire"
        case "restored":
            return "live without its file", f"archived: source {row.source} does not have it"
        case _:
            return "not synced", "synced"
