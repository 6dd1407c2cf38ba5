"""Outgoing webhooks over REST, and what a real HTTP server and a real mail server get of them."""

import base64
import json
from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from engine.events import EventKind, Happening
from engine.keyring import Keyring
from engine.services.webhooks import WebhookCourier
from engine.services.webhooks.posting import signature
from engine.store import feed
from tests.contract.api.play import Play
from tests.contract.api.test_courier import Receiver
from tests.serving import serving

KEY = base64.b64encode(bytes(32)).decode()
BASE = "/api/v1/webhooks"


@pytest.fixture
def api(play: Play) -> Iterator[TestClient]:
    app = create_app(Dependencies(database=play.database, broker=play.broker, keyring=Keyring.of_text(KEY)))
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client
        for item in client.get(BASE).json()["items"]:
            client.delete(f"{BASE}/{item['name']}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver()) as server:
        yield server


@pytest.fixture
def courier(play: Play) -> WebhookCourier:
    return WebhookCourier(play.database, Keyring.of_text(KEY))


def happens(play: Play, *kinds: EventKind) -> None:
    with play.database.write() as connection:
        feed.enter(
            connection, [Happening(kind, play.clock(), namespace=play.namespace, source="main") for kind in kinds]
        )


def test_a_webhook_gets_its_events_signed_with_the_secret_that_was_shown_once(
    api: TestClient, play: Play, courier: WebhookCourier, receiver: Receiver
) -> None:
    asked = {"name": "ops", "url": receiver.url, "kinds": ["source.*"], "namespaces": [play.namespace]}
    made = api.post(BASE, json=asked)
    assert made.status_code == 201, made.text
    secret = made.json()["secret"]
    happens(play, EventKind.SOURCE_REJECTED, EventKind.WORKER_LOST)
    assert courier.deliver() == 1
    [(path, headers, body)] = receiver.got
    assert (path, body["type"], body["data"]["source"]) == ("/hook", "source.rejected", "main")
    assert body["text"] == body["content"] == "source.rejected main"
    [sent] = api.get(f"{BASE}/ops/deliveries").json()["items"]
    assert (sent["state"], sent["kind"], sent["id"]) == ("sent", "source.rejected", headers["webhook-id"])
    raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    stamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == signature(secret, sent["id"], stamp, raw)
    shown = [api.get(BASE), api.get(f"{BASE}/ops"), api.get(f"{BASE}/ops/deliveries")]
    assert not any(secret in answer.text for answer in shown)


def test_what_was_refused_is_listed_and_replayed(
    api: TestClient, play: Play, courier: WebhookCourier, receiver: Receiver
) -> None:
    api.post(BASE, json={"name": "ops", "url": receiver.url, "namespaces": [play.namespace]})
    happens(play, EventKind.RUN_CREATED)
    receiver.answers = [503]
    courier.deliver()
    [waiting] = api.get(f"{BASE}/ops/deliveries", params={"state": "pending"}).json()["items"]
    assert (waiting["attempts"], waiting["error"]) == (1, "the receiver answered 503")
    again = api.post(f"{BASE}/ops/deliveries/{waiting['id']}/replay")
    assert (again.status_code, again.json()["attempts"]) == (200, 0)
    courier.deliver()
    assert [headers["webhook-id"] for _, headers, _ in receiver.got] == [waiting["id"]] * 2
    assert api.post(f"{BASE}/ops/replay").json() == {"replayed": 0}


def test_deliveries_have_pages(api: TestClient, play: Play, courier: WebhookCourier, receiver: Receiver) -> None:
    api.post(BASE, json={"name": "ops", "url": receiver.url, "namespaces": [play.namespace]})
    happens(play, *[EventKind.RUN_CREATED] * 3)
    courier.deliver()
    first = api.get(f"{BASE}/ops/deliveries", params={"limit": 2}).json()
    second = api.get(f"{BASE}/ops/deliveries", params={"limit": 2, "cursor": first["next"]}).json()
    events = [item["event"] for item in first["items"] + second["items"]]
    assert events == sorted(events, reverse=True)
    assert (len(set(events)), second["next"]) == (3, None)


def test_one_that_goes_to_a_mailbox_has_no_secret(api: TestClient) -> None:
    made = api.post(BASE, json={"name": "mail", "url": "mailto:ops@example.com"}).json()
    assert made["secret"] == ""
    taken = api.post(BASE, json={"name": "mail", "url": "mailto:ops@example.com"})
    assert (taken.status_code, "another name" in taken.text) == (409, True)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "No Name", "no name of a webhook"),
        ("url", "ftp://example.com", "https://example.com/hook"),
        ("url", "https://user:hunter22@example.com/", "a user or a password"),
        ("url", "https://example.com:99999/", "none that events can be sent to"),
        ("url", "https://exa mple.com/", "none that events can be sent to"),
        ("url", "mailto:", "names no e-mail address"),
        ("url", "mailto:a@b\nBcc: c@d", "names no e-mail address"),
        ("kinds", ["runs.created"], "run.created"),
        ("namespaces", ["Data"], "is no namespace"),
        ("secret", "hunter22", "leave it out"),
        ("sekret", "x", "sekret"),
    ],
)
def test_what_cannot_be_is_refused_with_a_hint(api: TestClient, field: str, value: object, said: str) -> None:
    answer = api.post(BASE, json={"name": "ops", "url": "https://example.com/hook", field: value})
    assert answer.status_code == 422, answer.text
    assert said in answer.text
    assert "hunter22" not in answer.text
    assert api.get(BASE).json()["items"] == []


def test_what_there_is_not_is_404(api: TestClient) -> None:
    nobody = "0199f1d0-0000-7000-8000-000000000000"
    api.post(BASE, json={"name": "ops", "url": "https://example.com/hook"})
    answers = [
        api.get(f"{BASE}/nobody"),
        api.delete(f"{BASE}/nobody"),
        api.get(f"{BASE}/nobody/deliveries"),
        api.post(f"{BASE}/nobody/replay"),
        api.post(f"{BASE}/ops/deliveries/{nobody}/replay"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert api.post(f"{BASE}/ops/deliveries/x/replay").status_code == 400
    assert api.get(f"{BASE}/ops/deliveries", params={"cursor": "x"}).status_code == 400
