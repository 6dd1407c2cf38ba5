"""What forges are still to be told of commits: the newest outcome of each, once it is due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from engine.store.commits import CommitRow
from engine.store.plain_text import plain_text
from engine.store.tables import commits, sources


@dataclass(frozen=True, slots=True)
class DueStatus:
    """A commit whose outcome is to be told, and the shown configuration of its source."""

    commit: CommitRow
    due_at: datetime
    config: dict[str, Any]


_COMMIT = tuple(commits.c[name] for name in CommitRow.__dataclass_fields__)


def due_statuses(connection: Connection, now: datetime, limit: int) -> list[DueStatus]:
    """Return what is to be told now, the longest due first."""
    joined = commits.join(sources, sources.c.name == commits.c.source)
    query = select(*_COMMIT, commits.c.status_due_at, sources.c.config).select_from(joined)
    query = query.where(commits.c.status_due_at <= now).order_by(commits.c.status_due_at, commits.c.id).limit(limit)
    return [DueStatus(CommitRow(*row[:-2]), row[-2], row[-1]) for row in connection.execute(query)]


def next_status_due(connection: Connection) -> datetime | None:
    """Return when the next is to be told, or None."""
    found: datetime | None = connection.execute(select(func.min(commits.c.status_due_at))).scalar()
    return found


def note_told(connection: Connection, told: DueStatus) -> None:
    """Note that an outcome was told, unless another has taken its place: that one stays due."""
    _change(connection, told, status_due_at=None, status_error="")


def note_not_told(connection: Connection, told: DueStatus, error: str, again: datetime | None, *, tried: bool) -> None:
    """Note why an outcome was not told, and when it is tried again; None: never. `tried` counts it as a try."""
    tries = told.commit.status_tries + int(tried)
    _change(connection, told, status_due_at=again, status_error=plain_text(error)[:2000], status_tries=tries)


def _change(connection: Connection, told: DueStatus, **values: Any) -> None:
    same = (
        commits.c.id == told.commit.id,
        commits.c.outcome == told.commit.outcome,
        commits.c.status_due_at == told.due_at,
    )
    connection.execute(update(commits).where(*same).values(**values))
