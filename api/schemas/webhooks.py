"""Outgoing webhooks: who is told of events, and what became of each delivery."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import msgspec
from msgspec import UNSET, UnsetType

from api.schemas.base import Answer, Ask

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.webhooks import DeliveryRow, WebhookRow


class Webhook(Answer, frozen=True, kw_only=True):
    """A webhook. Without `kinds` it is told of every kind of event, without `namespaces` of all of them."""

    name: str
    url: str
    kinds: list[str]
    namespaces: list[str]
    created_at: datetime

    @classmethod
    def of(cls, row: "WebhookRow") -> Self:
        """Return the webhook of a row."""
        return cls(name=row.name, url=row.url, kinds=row.kinds, namespaces=row.namespaces, created_at=row.created_at)


class NewWebhook(Answer, frozen=True, kw_only=True):
    """A webhook that was just declared, and its secret, which is never shown again; empty for e-mail."""

    webhook: Webhook
    secret: str

    def __repr__(self) -> str:
        """Show no secret, wherever the answer may be logged."""
        return f"NewWebhook({self.webhook.name})"


class WebhookList(Answer, frozen=True, kw_only=True):
    """All webhooks by name: there are 100 at most, so `next` is always null."""

    items: list[Webhook]
    next: str | None = None


class WebhookAsk(Ask, frozen=True, kw_only=True):
    """A webhook to declare. `url` is `https:`, `http:` or `mailto:a@example.com,b@example.com`.

    `kinds` are kinds of events or `run.*` and the like; `namespaces` are `data`, or `data.*` with all below it. Without
    `secret` (`whsec_` and base64) one is drawn.
    """

    name: str
    url: str
    kinds: list[str] = msgspec.field(default_factory=list)
    namespaces: list[str] = msgspec.field(default_factory=list)
    secret: str | UnsetType = UNSET

    def __repr__(self) -> str:
        """Show no secret, wherever the body may be logged."""
        return f"WebhookAsk({self.name})"


class DeliveryState(StrEnum):
    """Where a delivery stands: it waits to be tried, was taken, or was given up."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


class Delivery(Answer, frozen=True, kw_only=True):
    """One event for one webhook. `id` is the `webhook-id` that the receiver sees; `error` why it was not taken yet."""

    id: str
    webhook: str
    event: int
    kind: str
    payload: dict[str, Any]
    state: DeliveryState
    attempts: int
    error: str
    next_at: datetime | None
    created_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, row: "DeliveryRow") -> Self:
        """Return the delivery of a row."""
        return cls(
            id=row.id,
            webhook=row.webhook,
            event=row.event_id,
            kind=str(row.payload["type"]),
            payload=row.payload,
            state=DeliveryState(row.state),
            attempts=row.attempts,
            error=row.error,
            next_at=row.next_at,
            created_at=row.created_at,
            sent_at=row.sent_at,
        )


class DeliveryPage(Answer, frozen=True, kw_only=True):
    """Deliveries to a webhook, newest first."""

    items: list[Delivery]
    next: str | None


class Replayed(Answer, frozen=True, kw_only=True):
    """How many deliveries are tried again."""

    replayed: int
