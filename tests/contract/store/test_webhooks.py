"""Outgoing webhooks: each event delivered at least once, signed; tried again, given up, replayed, forgotten."""

import base64
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from engine.clock import new_id
from engine.events import EventKind, Happening, Wanted
from engine.keyring import Keyring
from engine.services.courier.failures import NotTakenError, UndeliverableError
from engine.services.courier.mail import MailError, MailSettings
from engine.services.webhooks.courier import DELAYS, DIGEST, WebhookCourier
from engine.services.webhooks.posting import refused_address, signature
from engine.services.webhooks.registry import KEY_PLACE
from engine.store import feed, webhooks
from engine.store.database import Database
from tests.contract.store.conftest import NOW

KEY = Keyring([b"k" * 32])
SECRET = "whsec_" + base64.b64encode(b"s" * 24).decode()


class Receiver:
    """Takes what is posted, or not."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        self.mails: list[EmailMessage] = []
        self.error: Exception | None = None
        self.now = NOW

    def post(self, url: str, headers: dict[str, str], body: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append((url, headers, body))

    def mail(self, _: MailSettings, message: EmailMessage) -> None:
        if self.error is not None:
            raise self.error
        self.mails.append(message)

    def clock(self) -> datetime:
        return self.now


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def courier(database: Database, receiver: Receiver) -> WebhookCourier:
    return WebhookCourier(database, KEY, send=receiver.post, send_mail=receiver.mail, clock=receiver.clock)


def add(database: Database, name: str = "ops", url: str = "", **wanted: Any) -> None:
    sealed = KEY.seal(SECRET, KEY_PLACE, name)
    with database.write() as connection:
        assert webhooks.add_webhook(
            connection, name, url or f"https://{name}.example/hook", Wanted(**wanted), sealed, NOW
        )


def happens(database: Database, *kinds: EventKind, **fields: Any) -> None:
    with database.write() as connection:
        feed.enter(connection, [Happening(kind, NOW, **fields) for kind in kinds])


def delivered(database: Database, name: str = "ops") -> list[webhooks.DeliveryRow]:
    with database.read() as connection:
        return webhooks.list_deliveries(connection, name, states=[], before=None, limit=100)


def test_what_happens_is_delivered_in_order_and_signed(
    database: Database, courier: WebhookCourier, receiver: Receiver
) -> None:
    happens(database, EventKind.RUN_CREATED)  # before there was the webhook
    add(database)
    happens(database, EventKind.RUN_CREATED, EventKind.RUN_FINISHED, namespace="data", workflow="etl", data={"n": 1})
    assert courier.deliver() == 2
    assert courier.deliver() == 0
    assert [b'"run.created"' in body or b'"run.finished"' in body for _, _, body in receiver.taken] == [True, True]
    url, headers, body = receiver.taken[0]
    assert url == "https://ops.example/hook"
    assert b'"workflow":"etl"' in body
    expected = signature(SECRET, headers["webhook-id"], int(NOW.timestamp()), body)
    assert (headers["webhook-signature"], headers["webhook-timestamp"]) == (expected, str(int(NOW.timestamp())))
    assert {(row.state, row.attempts, row.sent_at) for row in delivered(database)} == {("sent", 1, NOW)}


def test_a_signature_is_that_of_the_standards_own_example() -> None:
    secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(secret, message, 1614265330, b'{"test": 2432232314}') == wanted


def test_each_webhook_has_its_own_events(database: Database, courier: WebhookCourier) -> None:
    add(database, kinds=("run.*",), namespaces=("data.*",))
    add(database, "all")
    happens(database, EventKind.RUN_CREATED, EventKind.WORKER_LOST)
    happens(database, EventKind.RUN_FINISHED, namespace="data.daily")
    courier.deliver()
    assert [row.payload["type"] for row in delivered(database)] == ["run.finished"]
    assert len(delivered(database, "all")) == 3


def test_what_is_not_taken_is_tried_again_and_given_up(
    database: Database, courier: WebhookCourier, receiver: Receiver
) -> None:
    add(database)
    happens(database, EventKind.RUN_CREATED)
    receiver.error = NotTakenError("the receiver answered 500")
    for delay in DELAYS:
        assert courier.deliver() == 1
        assert courier.deliver() == 0
        [row] = delivered(database)
        assert (row.state, row.next_at, row.error) == ("pending", receiver.now + delay, "the receiver answered 500")
        receiver.now += delay
    assert courier.deliver() == 1
    receiver.now += timedelta(days=9)
    assert courier.deliver() == 0
    [row] = delivered(database)
    assert (row.state, row.attempts) == ("dead", len(DELAYS) + 1)
    receiver.error = None
    with database.write() as connection:
        assert webhooks.replay(connection, "ops", row.id, receiver.now)
        assert not webhooks.replay(connection, "other", row.id, receiver.now)
    assert courier.deliver() == 1
    assert receiver.taken[0][1]["webhook-id"] == row.id


def test_what_can_never_be_delivered_is_given_up_at_once(
    database: Database, courier: WebhookCourier, receiver: Receiver
) -> None:
    add(database)
    happens(database, EventKind.RUN_CREATED)
    receiver.error = UndeliverableError("nothing is sent there")
    courier.deliver()
    assert [(row.state, row.error) for row in delivered(database)] == [("dead", "nothing is sent there")]


def test_one_that_dies_before_it_notes_the_answer_delivers_again_under_the_same_id(
    database: Database, courier: WebhookCourier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database)
    happens(database, EventKind.RUN_CREATED)
    with monkeypatch.context() as patch:
        patch.setattr("engine.services.webhooks.courier.note_delivered", _killed)
        with pytest.raises(KeyboardInterrupt):
            courier.deliver()
    assert WebhookCourier(database, KEY, send=receiver.post, clock=receiver.clock).deliver() == 1
    assert len({headers["webhook-id"] for _, headers, _ in receiver.taken}) == 1
    assert len(receiver.taken) == 2


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_more_than_a_bite_is_handed_out_once(
    database: Database, courier: WebhookCourier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "EVENTS_MAX", 3)
    add(database)
    happens(database, *[EventKind.RUN_CREATED] * 8)
    assert courier.deliver() == 8
    with database.write() as connection:
        assert not webhooks.hand_out(connection, "ops", NOW, new_id)
        assert not webhooks.hand_out(connection, "nobody", NOW, new_id)
    assert len({row.event_id for row in delivered(database)}) == len(receiver.taken) == 8


def test_a_name_is_given_once(database: Database) -> None:
    add(database)
    with database.write() as connection:
        assert not webhooks.add_webhook(connection, "ops", "https://other.example", Wanted(), b"", NOW)
        assert webhooks.count_webhooks(connection) == 1


def test_a_flood_is_one_e_mail_a_minute(database: Database, courier: WebhookCourier, receiver: Receiver) -> None:
    add(database, url="mailto:ops@example.com,data@example.com")
    happens(database, EventKind.SOURCE_APPLIED, source="main", data={"reason": "live"})
    assert courier.deliver() == 0
    happens(database, *[EventKind.SOURCE_REJECTED] * 3, source="main", data={"message": "E0101 in a.yaml\nline 3"})
    assert courier.deliver() == 0
    receiver.now += DIGEST
    receiver.error = MailError("the mail server did not take it")
    assert courier.deliver() == 4
    assert {(row.state, row.attempts) for row in delivered(database)} == {("pending", 1)}
    receiver.error = None
    receiver.now += DELAYS[0]
    assert courier.deliver() == 4
    [mail] = receiver.mails
    assert mail["To"] == "ops@example.com, data@example.com"
    assert mail["Subject"] == "4 events: source.applied main: live"
    assert mail.get_content().count("source.rejected main: E0101 in a.yaml line 3") == 3
    assert {row.state for row in delivered(database)} == {"sent"}


def test_all_that_was_given_up_is_tried_again(database: Database, courier: WebhookCourier, receiver: Receiver) -> None:
    add(database)
    happens(database, EventKind.RUN_CREATED, EventKind.RUN_FINISHED)
    receiver.error = UndeliverableError("nothing is sent there")
    assert courier.deliver() + courier.deliver() == 2
    receiver.error = None
    with database.write() as connection:
        assert webhooks.replay_dead(connection, "ops", receiver.now) == 2
        assert webhooks.replay_dead(connection, "ops", receiver.now) == 0
    assert courier.deliver() == 2
    assert len(receiver.taken) == 2


def test_old_deliveries_are_forgotten_and_a_webhook_is_removed_with_its_own(
    database: Database, courier: WebhookCourier
) -> None:
    add(database)
    happens(database, EventKind.RUN_CREATED, EventKind.RUN_CREATED)
    courier.deliver()
    with database.write() as connection:
        assert webhooks.forget_deliveries(connection, NOW) == 0
        assert webhooks.forget_deliveries(connection, NOW + timedelta(seconds=1)) == 2
    happens(database, EventKind.RUN_CREATED)
    courier.deliver()
    with database.write() as connection:
        assert webhooks.remove_webhook(connection, "ops")
        assert not webhooks.remove_webhook(connection, "ops")
        assert webhooks.find_webhook(connection, "ops") is None
    assert delivered(database) == []


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("169.254.169.254", True),
        ("::ffff:169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("100.100.100.200", True),
        ("fd00:ec2::254", True),
        ("0.0.0.0", True),
        ("224.0.0.1", True),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("93.184.215.14", False),
    ],
)
def test_addresses_of_metadata_are_refused(address: str, refused: bool) -> None:
    assert bool(refused_address(address)) is refused
