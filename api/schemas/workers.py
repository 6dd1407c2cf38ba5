"""Workers: their sessions."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from api.schemas.base import Answer

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.reads_workers import SessionRow


class WorkerState(StrEnum):
    """How a worker's session stands."""

    LIVE = "live"
    DRAINING = "draining"
    EXPIRED = "expired"
    ENDED = "ended"


class Worker(Answer, frozen=True, kw_only=True):
    """One session of a worker: the pools and kinds it serves, its slots, and when it was last heard of."""

    session: str
    worker: str
    host: str
    state: WorkerState
    pools: list[str]
    kinds: list[str]
    slots: int
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: "SessionRow", now: datetime) -> Self:
        """Return the session of a row as it stands at `now`."""
        return cls(
            session=row.id,
            worker=row.worker,
            host=row.host,
            state=_state(row, now),
            pools=row.pools,
            kinds=row.kinds,
            slots=row.slots,
            started_at=row.started_at,
            seen_at=row.seen_at,
            expires_at=row.expires_at,
            ended_at=row.ended_at,
        )


class WorkerPage(Answer, frozen=True, kw_only=True):
    """Sessions, newest first."""

    items: list[Worker]
    next: str | None


def _state(row: "SessionRow", now: datetime) -> WorkerState:
    if row.ended_at is not None:
        return WorkerState.ENDED
    if not row.live(now):
        return WorkerState.EXPIRED
    return WorkerState.DRAINING if row.draining else WorkerState.LIVE
