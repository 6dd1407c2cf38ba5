"""Outgoing webhooks: declared, handed their events, and what became of each delivery."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.clock import NewId
from engine.events import Wanted
from engine.store.bulk import Bulk
from engine.store.feed import FeedRow, events_after, newest_event
from engine.store.plain_text import plain_text
from engine.store.tables_webhooks import webhook_deliveries as deliveries
from engine.store.tables_webhooks import webhooks

EVENTS_MAX: Final = 200
DELETED_MAX: Final = 450

_insert = Bulk(deliveries, ["id", "webhook", "event_id", "payload", "state", "next_at", "created_at"])


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """One webhook; `sealed` is its encrypted secret."""

    name: str
    url: str
    kinds: list[str]
    namespaces: list[str]
    sealed: bytes
    position: int
    created_at: datetime

    @property
    def wanted(self) -> Wanted:
        """What is delivered to it."""
        return Wanted(kinds=tuple(self.kinds), namespaces=tuple(self.namespaces))


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event for one webhook."""

    id: str
    webhook: str
    event_id: int
    payload: dict[str, Any]
    state: str
    attempts: int
    error: str
    next_at: datetime | None
    created_at: datetime
    sent_at: datetime | None


_WEBHOOK = tuple(webhooks.c[name] for name in WebhookRow.__dataclass_fields__)
_DELIVERY = tuple(deliveries.c[name] for name in DeliveryRow.__dataclass_fields__)


def add_webhook(
    connection: Connection,
    name: str,
    url: str,
    wanted: Wanted,
    sealed: bytes,
    now: datetime,
) -> bool:
    """Declare a webhook, which is told of what happens from now on; return False if its name is taken."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(webhooks).values(
        name=name,
        url=url,
        kinds=list(wanted.kinds),
        namespaces=list(wanted.namespaces),
        sealed=sealed,
        position=newest_event(connection),
        created_at=now,
    )
    written = connection.execute(statement.on_conflict_do_nothing().returning(webhooks.c.name))
    return written.one_or_none() is not None


def list_webhooks(connection: Connection) -> list[WebhookRow]:
    """Return all webhooks by name."""
    return [WebhookRow(*row) for row in connection.execute(select(*_WEBHOOK).order_by(webhooks.c.name))]


def find_webhook(connection: Connection, name: str) -> WebhookRow | None:
    """Return the webhook of that name."""
    row = connection.execute(select(*_WEBHOOK).where(webhooks.c.name == name)).one_or_none()
    return None if row is None else WebhookRow(*row)


def remove_webhook(connection: Connection, name: str) -> bool:
    """Remove a webhook and what was not delivered to it yet; return whether there was one."""
    connection.execute(delete(deliveries).where(deliveries.c.webhook == name))
    return connection.execute(delete(webhooks).where(webhooks.c.name == name)).rowcount == 1


def hand_out(connection: Connection, name: str, now: datetime, ids: NewId) -> bool:
    """Make deliveries of a bite of what happened since the webhook's place, and move that; return whether more waits.

    Both in one transaction, with the webhook's row locked: each event is handed out once.
    """
    query = select(*_WEBHOOK).where(webhooks.c.name == name).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return False
    webhook = WebhookRow(*row)
    newest = newest_event(connection)
    if newest <= webhook.position:
        return False
    rows = events_after(connection, webhook.position, EVENTS_MAX, webhook.wanted, until=newest)
    more = len(rows) == EVENTS_MAX
    _insert.insert(connection, list(_new(name, rows, now, ids)), ignore_conflicts=True)
    place = rows[-1].id if more else newest
    connection.execute(update(webhooks).where(webhooks.c.name == name).values(position=place))
    return more


def due_deliveries(connection: Connection, webhook: str, now: datetime, limit: int) -> list[DeliveryRow]:
    """Return deliveries to a webhook that are to be tried now, in the order of the events."""
    where = (deliveries.c.webhook == webhook, deliveries.c.state == "pending", deliveries.c.next_at <= now)
    query = select(*_DELIVERY).where(*where).order_by(deliveries.c.event_id).limit(limit)
    return [DeliveryRow(*row) for row in connection.execute(query)]


def find_delivery(connection: Connection, webhook: str, delivery_id: str) -> DeliveryRow | None:
    """Return one delivery."""
    query = select(*_DELIVERY).where(deliveries.c.webhook == webhook, deliveries.c.id == delivery_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else DeliveryRow(*row)


def list_deliveries(
    connection: Connection, webhook: str, *, states: Sequence[str], before: str | None, limit: int
) -> list[DeliveryRow]:
    """Return deliveries to a webhook, newest first, with ids below `before`."""
    query = select(*_DELIVERY).where(deliveries.c.webhook == webhook)
    if states:
        query = query.where(deliveries.c.state.in_(states))
    if before is not None:
        query = query.where(deliveries.c.id < before)
    return [DeliveryRow(*row) for row in connection.execute(query.order_by(deliveries.c.id.desc()).limit(limit))]


def replay(connection: Connection, webhook: str, delivery_id: str, now: datetime) -> bool:
    """Have a delivery tried again from the beginning; return whether there is such a one."""
    where = (deliveries.c.webhook == webhook, deliveries.c.id == delivery_id)
    values = {"state": "pending", "attempts": 0, "error": "", "next_at": now, "sent_at": None}
    return connection.execute(update(deliveries).where(*where).values(values)).rowcount == 1


def replay_dead(connection: Connection, webhook: str, now: datetime) -> int:
    """Have all deliveries that were given up tried again from the beginning; return how many."""
    where = (deliveries.c.webhook == webhook, deliveries.c.state == "dead")
    values = {"state": "pending", "attempts": 0, "error": "", "next_at": now, "sent_at": None}
    return connection.execute(update(deliveries).where(*where).values(values)).rowcount


def note_delivered(connection: Connection, delivery_id: str, now: datetime) -> None:
    """Note that a delivery was taken."""
    _change(connection, delivery_id, state="sent", sent_at=now, next_at=None, error="")


def note_refused(connection: Connection, delivery_id: str, error: str, next_at: datetime | None) -> None:
    """Note why a delivery was not taken, and when it is tried again; None: never, until it is replayed."""
    state = "pending" if next_at is not None else "dead"
    _change(connection, delivery_id, state=state, next_at=next_at, error=plain_text(error)[:2_000])


def forget_deliveries(connection: Connection, before: datetime) -> int:
    """Delete deliveries made before a moment, the oldest first, at most `DELETED_MAX`; return how many."""
    oldest = select(deliveries.c.id, deliveries.c.created_at).order_by(deliveries.c.id).limit(DELETED_MAX).subquery()
    some = select(oldest.c.id).where(oldest.c.created_at < before)
    return connection.execute(delete(deliveries).where(deliveries.c.id.in_(some))).rowcount


def count_webhooks(connection: Connection) -> int:
    """Return how many webhooks there are."""
    return connection.execute(select(func.count()).select_from(webhooks)).scalar_one()


def _change(connection: Connection, delivery_id: str, **values: object) -> None:
    where = deliveries.c.id == delivery_id
    connection.execute(update(deliveries).where(where).values(attempts=deliveries.c.attempts + 1, **values))


def _new(name: str, rows: Iterable[FeedRow], now: datetime, ids: NewId) -> Iterable[tuple[Any, ...]]:
    for row in rows:
        of = {"namespace": row.namespace or None, "workflow": row.workflow or None, "run": row.run_id or None}
        data = {"id": row.id, **of, "source": row.source or None, **row.data}
        payload = {"type": row.kind, "timestamp": row.at.isoformat(), "data": data}
        yield (ids(), name, row.id, payload, "pending", now, now)
