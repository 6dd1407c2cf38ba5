"""Notices of runs' ends."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from api.schemas.base import Answer

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.notices import NoticeRow


class NoticeState(StrEnum):
    """Where a notice stands: it waits to be sent, was taken, or was given up."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


class Notice(Answer, frozen=True, kw_only=True):
    """One notice. `position` says which entry of the workflow's `notify` it is; `error` why it was not taken yet."""

    id: int
    run: str
    event: str
    position: int
    state: NoticeState
    attempts: int
    error: str
    next_at: datetime | None
    created_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, row: "NoticeRow") -> Self:
        """Return the notice of a row."""
        return cls(
            id=row.id,
            run=row.run_id,
            event=row.event,
            position=row.position,
            state=NoticeState(row.state),
            attempts=row.attempts,
            error=row.error,
            next_at=row.next_at,
            created_at=row.created_at,
            sent_at=row.sent_at,
        )


class NoticePage(Answer, frozen=True, kw_only=True):
    """Notices, newest first."""

    items: list[Notice]
    next: str | None
