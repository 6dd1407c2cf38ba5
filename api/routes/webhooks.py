"""Outgoing webhooks: declared, listed, removed; their deliveries, and those tried again."""

from typing import Annotated

from litestar import Router, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET

from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, page, read_uuid
from api.problems import RESPONSES
from api.schemas.webhooks import (
    Delivery,
    DeliveryPage,
    DeliveryState,
    NewWebhook,
    Replayed,
    Webhook,
    WebhookAsk,
    WebhookList,
)
from engine.events import Wanted

States = Annotated[list[DeliveryState] | None, QueryParameter(name="state", description="Any of these.")]
_HINT = "GET /api/v1/webhooks/{name}/deliveries lists deliveries with their ids"


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listWebhooks", summary="List webhooks")
def list_all(services: Injected) -> WebhookList:
    """List the webhooks that are told of events, by name."""
    return WebhookList(items=[Webhook.of(row) for row in services.webhooks.all()])


@post("/", sync_to_thread=True, responses=RESPONSES, operation_id="addWebhook", summary="Add a webhook")
def add(services: Injected, data: JSONBody[WebhookAsk]) -> NewWebhook:
    """Have somebody told of what happens from now on. The answer shows the secret for the only time."""
    wanted = Wanted(kinds=tuple(data.kinds), namespaces=tuple(data.namespaces))
    secret = None if data.secret is UNSET else data.secret
    made = services.webhooks.add(data.name, data.url, wanted, secret)
    return NewWebhook(webhook=Webhook.of(made.webhook), secret=made.secret)


@get("/{name:str}", sync_to_thread=True, responses=RESPONSES, operation_id="getWebhook", summary="Get a webhook")
def get_one(services: Injected, name: FromPath[str]) -> Webhook:
    """Return one webhook."""
    return Webhook.of(services.webhooks.get(name))


@delete(
    "/{name:str}", sync_to_thread=True, responses=RESPONSES, operation_id="removeWebhook", summary="Remove a webhook"
)
def remove(services: Injected, name: FromPath[str]) -> None:
    """Remove a webhook, with what was not delivered to it yet."""
    services.webhooks.remove(name)


@get(
    "/{name:str}/deliveries",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="listDeliveries",
    summary="List deliveries",
)
def list_deliveries(
    services: Injected, name: FromPath[str], states: States = None, limit: Limit = PAGE_SIZE, cursor: Cursor = None
) -> DeliveryPage:
    """List deliveries to a webhook, newest first."""
    before = None if cursor is None else read_uuid("query.cursor", cursor, "take it from `next` of the page before")
    wanted = [str(state) for state in states or []]
    found = services.webhooks.deliveries(name, states=wanted, before=before, limit=limit + 1)
    rows, more = page(found, limit)
    return DeliveryPage(items=[Delivery.of(row) for row in rows], next=rows[-1].id if more else None)


@post(
    "/{name:str}/deliveries/{delivery_id:str}/replay",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="replayDelivery",
    summary="Try a delivery again",
)
def replay(services: Injected, name: FromPath[str], delivery_id: FromPath[str]) -> Delivery:
    """Have one delivery tried again from the beginning, under its id, whatever became of it."""
    return Delivery.of(services.webhooks.replay(name, read_uuid("path.delivery_id", delivery_id, _HINT)))


@post(
    "/{name:str}/replay",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="replayDead",
    summary="Try what was given up again",
)
def replay_dead(services: Injected, name: FromPath[str]) -> Replayed:
    """Have all deliveries that were given up tried again, in their order."""
    return Replayed(replayed=services.webhooks.replay_dead(name))


ROUTER = Router(
    "/webhooks",
    tags=["webhooks"],
    route_handlers=[list_all, add, get_one, remove, list_deliveries, replay, replay_dead],
)
