"""Events: what happened."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from api.schemas.base import Answer

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.feed import FeedRow


class Event(Answer, frozen=True, kw_only=True):
    """One event. What it is not about is null; `data` is the kind's own."""

    id: int
    kind: str
    at: datetime
    namespace: str | None = None
    workflow: str | None = None
    run: str | None = None
    source: str | None = None
    data: dict[str, Any]

    @classmethod
    def of(cls, row: "FeedRow") -> Self:
        """Return the event of a row."""
        return cls(
            id=row.id,
            kind=row.kind,
            at=row.at,
            namespace=row.namespace or None,
            workflow=row.workflow or None,
            run=row.run_id or None,
            source=row.source or None,
            data=row.data,
        )


class EventsGap(Answer, frozen=True, kw_only=True):
    """Events after `after` up to `resumed_after` are kept no more: whoever counts on them reads the present state."""

    after: int
    resumed_after: int
