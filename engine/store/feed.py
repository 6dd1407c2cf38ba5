"""The feed of what happened: entered with what it tells of, read in the order of ids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select

from engine.events import Happening, Wanted
from engine.store.feed_order import horizon, insert
from engine.store.plain_text import plain_text
from engine.store.tables_feed import feed

ROWS_MAX: Final = 450


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One event that happened."""

    id: int
    kind: str
    at: datetime
    namespace: str
    workflow: str
    run_id: str
    source: str
    data: dict[str, Any]


_COLUMNS = tuple(feed.c[name] for name in FeedRow.__dataclass_fields__)


def enter(connection: Connection, happenings: Iterable[Happening]) -> None:
    """Enter what this transaction makes happen."""
    rows = [
        (str(each.kind), each.at, each.namespace, each.workflow, each.run_id, each.source, _plain(each.data))
        for each in happenings
    ]
    insert(connection, rows)


def newest_event(connection: Connection) -> int:
    """Return the id of the last event that is shown, or one between it and the next."""
    return horizon(connection)


def events_after(
    connection: Connection, after: int, limit: int, wanted: Wanted | None = None, *, until: int | None = None
) -> list[FeedRow]:
    """Return at most `limit` events with ids above `after`, and not above `until`, in their order.

    `until` is what `newest_event` gave; without it, that of now.
    """
    last = horizon(connection) if until is None else until
    where = (feed.c.id > after, feed.c.id <= last, *_conditions(wanted or Wanted()))
    rows = connection.execute(select(*_COLUMNS).where(*where).order_by(feed.c.id).limit(limit))
    return [FeedRow(*row) for row in rows]


def event_before(connection: Connection, moment: datetime) -> int:
    """Return an id above which all events are that happened at a moment or later, and only few that are older."""
    first = connection.execute(select(func.min(feed.c.id)).where(feed.c.at >= moment)).scalar()
    return horizon(connection) if first is None else first - 1


def oldest_event(connection: Connection) -> int | None:
    """Return the id of the oldest event that is kept, or None."""
    return connection.execute(select(func.min(feed.c.id))).scalar()


def forget_events(connection: Connection, before: datetime) -> int:
    """Delete events of before a moment, the oldest first, at most `ROWS_MAX`; return how many."""
    oldest = select(feed.c.id, feed.c.at).order_by(feed.c.id).limit(ROWS_MAX).subquery()
    some = select(oldest.c.id).where(oldest.c.at < before)
    return connection.execute(delete(feed).where(feed.c.id.in_(some))).rowcount


def _conditions(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    """Return what `Wanted.takes` asks, as conditions."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.kinds:
        conditions.append(or_(*(_of_kind(kind) for kind in wanted.kinds)))
    if wanted.namespaces:
        conditions.append(or_(*(_of_namespace(namespace) for namespace in wanted.namespaces)))
    if wanted.workflow is not None:
        conditions += [feed.c.namespace == wanted.workflow[0], feed.c.workflow == wanted.workflow[1]]
    if wanted.source:
        conditions.append(feed.c.source == wanted.source)
    return conditions


def _of_kind(kind: str) -> ColumnElement[bool]:
    return feed.c.kind.startswith(kind[:-1], autoescape=True) if kind.endswith(".*") else feed.c.kind == kind


def _of_namespace(wanted: str) -> ColumnElement[bool]:
    namespace = wanted.removesuffix(".*")
    own = feed.c.namespace == namespace
    return own if namespace == wanted else or_(own, feed.c.namespace.startswith(f"{namespace}.", autoescape=True))


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain_text(value) if isinstance(value, str) else value for name, value in data.items()}
