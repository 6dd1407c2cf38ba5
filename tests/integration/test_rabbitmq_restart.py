"""The broker goes and comes back: nothing confirmed is lost, everybody finds back, nothing stays running."""

import threading
from collections.abc import Callable

import pytest

from engine.broker import BrokerError, connect
from engine.broker.interface import Outcome
from tests.integration.rabbitmq_play import Sender, bodies, connected, take, until
from tests.services import rabbitmqctl, restart_rabbitmq
from tests.services.place import Place

EVENTS, TASKS = "events.3", "tasks.default"


def restart_server(broker: Place) -> None:
    restart_rabbitmq(broker.name)


def restart_application(broker: Place) -> None:
    rabbitmqctl("stop_app", name=broker.name)
    rabbitmqctl("start_app", name=broker.name)


@pytest.mark.parametrize("restart", [restart_server, restart_application])
def test_a_restart_loses_nothing_that_was_confirmed(own_broker: Place, restart: Callable[[Place], None]) -> None:
    with connected(own_broker.service.url) as broker:
        sender = Sender(broker, EVENTS)
        consumer, inbox = broker.consume(EVENTS, 10_000), broker.replies()
        before = inbox.address
        ending = threading.Event()

        def keep_sending() -> None:
            while not ending.wait(0.001):
                sender.send(5)

        thread = threading.Thread(target=keep_sending)
        thread.start()
        try:
            first = take(consumer, 100)
            restart(own_broker)
            until(lambda: broker.connected and consumer.active, "the clients find back")
            confirmed = len(sender.with_outcome(Outcome.CONFIRMED))
            until(lambda: len(sender.with_outcome(Outcome.CONFIRMED)) > confirmed, "publishing goes on")
        finally:
            ending.set()
            thread.join()
        until(sender.known, "every message has an outcome")
        consumer.ack(first)  # of a connection that is gone: must do nothing
        wanted = set(sender.with_outcome(Outcome.CONFIRMED))
        found: set[bytes] = set()
        while wanted - found:
            deliveries = take(consumer, 1)
            consumer.ack(deliveries)  # else the consumer's own limit would end what it is given
            found |= set(bodies(deliveries))
        until(lambda: _address(inbox) not in ("", before), "the inbox has a new address")
        broker.reply(inbox.address, [b"here"])
        assert inbox.get(20) == b"here"


def test_while_there_is_no_broker_everything_fails_at_once_and_says_why(own_broker: Place) -> None:
    with connected(own_broker.service.url) as broker:
        consumer, slot = broker.consume(EVENTS, 1), broker.consume(TASKS, 1)
        until(lambda: consumer.active and slot.active, "the consumers are open")
        rabbitmqctl("stop_app", name=own_broker.name)
        try:
            until(lambda: not broker.connected, "the loss is noticed")
            sender = Sender(broker, EVENTS)
            sender.send(3)
            assert len(sender.with_outcome(Outcome.FAILED)) == 3
            assert not consumer.active
            slot.resume()
            consumer.wake()
            assert consumer.get(1, None) == []
        finally:
            rabbitmqctl("start_app", name=own_broker.name)
        until(lambda: broker.connected and consumer.active and slot.active, "the clients find back")


def test_a_slot_released_while_the_broker_is_away_rests_when_it_is_back(own_broker: Place) -> None:
    with connected(own_broker.service.url) as broker:
        broker.depth("tasks.away")  # made first: while a consumer makes a quorum queue, others' messages to it fail
        slot, sender = broker.consume("tasks.away", 1), Sender(broker, "tasks.away")
        sender.send(1)
        (delivery,) = take(slot, 1)
        rabbitmqctl("stop_app", name=own_broker.name)
        try:
            until(lambda: not broker.connected, "the loss is noticed")
            slot.release(delivery)
        finally:
            rabbitmqctl("start_app", name=own_broker.name)
        until(lambda: broker.connected and slot.active, "the slot is back, resting")
        assert slot.get(1, 0.3) == []
        assert broker.depth("tasks.away") == 1  # its acknowledgement was lost: the offer waits for whoever is free
        slot.resume()
        assert bodies(take(slot, 1)) == [delivery.body]


def test_a_client_that_never_reached_a_broker_ends_at_once() -> None:
    broker = connect("amqp://nobody:nothing@127.0.0.1:1/", name="unreachable")
    consumer = broker.consume(EVENTS, 1)
    broker.close()
    assert not consumer.active
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("unreachable")] == []
    with pytest.raises(BrokerError, match="CHRONOVERSE_BROKER_URL"):
        broker.declare([])


def _address(inbox: object) -> str:
    try:
        return inbox.address  # type: ignore[attr-defined]
    except BrokerError:
        return ""
