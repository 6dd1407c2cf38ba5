"""Figures are kept for a while, and read by those who ask."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, select

from engine.analytics import Figures, Width
from engine.store.rollups import Bucket, bucket_id, read_figures
from engine.store.tables_rollups import ended_runs, rollups

ROWS_MAX: Final = 450
PENDING_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class FiguresRow:
    """The figures of one hour or day, which began at `starts_at`."""

    starts_at: datetime
    figures: Figures


def list_figures(
    connection: Connection, scope: str, width: Width, *, since: datetime, until: datetime
) -> list[FiguresRow]:
    """Return the figures of the hours or days that began in [since, until), oldest first, without the empty ones.

    `scope` is a workflow's id, what `scope_of_namespace` gives, or `EVERYTHING`; `since` and `until` are when hours or
    days begin.
    """
    first, last = (bucket_id(Bucket(scope, width, moment)) for moment in (since, until))
    query = select(rollups.c.starts_at, rollups.c.figures).where(rollups.c.id >= first, rollups.c.id < last)
    query = query.order_by(rollups.c.id)
    return [FiguresRow(starts_at, read_figures(stored)) for starts_at, stored in connection.execute(query)]


def count_pending(connection: Connection) -> int:
    """Return how many ended runs are not counted yet, `PENDING_MAX` for that many and more."""
    some = select(ended_runs.c.run_id).limit(PENDING_MAX).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def forget_figures(connection: Connection, width: Width, before: datetime) -> int:
    """Delete figures of times that began before that moment, at most `ROWS_MAX`; return how many."""
    old = select(rollups.c.id).where(rollups.c.width == str(width), rollups.c.starts_at < before)
    some = old.order_by(rollups.c.starts_at).limit(ROWS_MAX)
    return connection.execute(delete(rollups).where(rollups.c.id.in_(some))).rowcount
