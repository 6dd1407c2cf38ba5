"""What goes wrong beside the connection: processes killed, queues deleted, channels closed, callers that raise."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pika
import pytest

from engine.broker import Broker, BrokerError
from engine.broker.interface import Outcome
from tests.integration.rabbitmq_play import Sender, bodies, connected, take, until

ROOT = Path(__file__).parents[2]
HOLDER = Path(__file__).with_name("rabbitmq_consumer.py")


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[Broker]:
    with connected(rabbitmq_url) as broker:
        yield broker


@pytest.fixture
def events() -> str:
    return f"events.{uuid4()}"


@pytest.fixture
def delete_queue(rabbitmq_url: str, rabbitmqctl: Callable[..., str]) -> Callable[[str], None]:
    vhost = urlsplit(rabbitmq_url).path.removeprefix("/")
    return lambda queue: rabbitmqctl("delete_queue", queue, "--vhost", vhost) and None


def test_a_killed_process_hands_over_in_order(broker: Broker, rabbitmq_url: str, events: str) -> None:
    sender = Sender(broker, events)
    broker.depth(events)
    command = [sys.executable, str(HOLDER), rabbitmq_url, events, "10"]
    with subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        try:
            sender.send(1)
            assert holder.stdout.readline().strip() == sender.sent[0]
            heir = broker.consume(events, 100)
            until(lambda: heir.active, "the heir stands by")
            sender.send(30)
            for body in sender.sent[1:10]:
                assert holder.stdout.readline().strip() == body
            assert heir.get(1, 0.1) == []
        finally:
            holder.kill()
    found = take(heir, 31)
    assert bodies(found) == sender.sent
    assert all(delivery.redelivered for delivery in found[:10])


def test_a_deleted_queue_is_made_again(broker: Broker, delete_queue: Callable[[str], None], events: str) -> None:
    consumer = broker.consume(events, 10)
    until(lambda: consumer.active, "the consumer is open")
    sender = Sender(broker, events)
    sender.send(1)
    first = take(consumer, 1)
    delete_queue(events)  # the broker cancels the consumer
    until(lambda: not consumer.active, "the loss shows")
    until(lambda: consumer.active, "the consumer is open again")
    consumer.ack(first)
    sender.send(1)
    assert bodies(take(consumer, 1)) == sender.sent[1:]


def test_what_no_queue_takes_has_failed(broker: Broker, events: str) -> None:
    sender = Sender(broker, f"{events}.nobody-declared-it")
    sender.send(3)
    until(sender.known, "the outcomes are known")
    assert len(sender.with_outcome(Outcome.FAILED)) == 3


def test_a_pool_whose_queue_was_deleted_is_served_again(broker: Broker, delete_queue: Callable[[str], None]) -> None:
    pool = f"tasks.{uuid4()}"
    sender = Sender(broker, pool)
    sender.send(1)
    until(lambda: len(sender.with_outcome(Outcome.CONFIRMED)) == 1, "the queue is made on the way")
    delete_queue(pool)
    sender.send(1)
    until(lambda: len(sender.with_outcome(Outcome.FAILED)) == 1, "it came back")
    sender.send(1)
    until(lambda: len(sender.with_outcome(Outcome.CONFIRMED)) == 2, "the next one makes the queue again")


def test_a_callers_fault_costs_the_others_nothing(broker: Broker, events: str) -> None:
    broker.depth(events)

    def raising(index: int, outcome: Outcome) -> None:
        raise RuntimeError("a fault of the caller's")

    broker.publish(events, [b"a", b"b"], raising)
    sender = Sender(broker, events)
    sender.send(2)
    until(sender.known, "the outcomes of others still come")
    assert len(sender.with_outcome(Outcome.CONFIRMED)) == 2
    assert bodies(take(broker.consume(events, 10), 4)) == [b"a", b"b", *sender.sent]


def test_a_fault_in_the_io_thread_costs_a_connection_and_not_the_thread(broker: Broker, events: str) -> None:
    consumer = broker.consume(events, 10)
    until(lambda: consumer.active, "the consumer is open")
    before = {thread.ident for thread in threading.enumerate()}

    def raising(connection: object) -> None:
        raise RuntimeError("a fault of ours")

    broker._consuming.call(raising)
    until(lambda: not consumer.active, "the connection is given up")
    until(lambda: broker.connected and consumer.active, "it comes back")
    sender = Sender(broker, events)
    sender.send(1)
    assert bodies(take(consumer, 1)) == sender.sent
    assert {thread.ident for thread in threading.enumerate()} <= before


def test_the_channel_of_replies_comes_back(broker: Broker) -> None:
    inbox = broker.replies()
    lasting = broker._messenger._lasting
    first = lasting.current
    lasting.run(lambda channel: channel.basic_publish("there-is-no-such-exchange", "", b""))  # an error closes it
    until(lambda: lasting.current not in (None, first), "the channel is open again")
    until(lambda: broker.reply(inbox.address, [b"here"]) is None and inbox.get(0.2) == b"here", "replies arrive")


def test_a_queue_with_other_arguments_is_refused_with_its_name(broker: Broker, rabbitmq_url: str, events: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    try:
        connection.channel().queue_declare(events, durable=True)  # a classic queue
        with pytest.raises(BrokerError, match=rf"{events}.*PRECONDITION_FAILED"):
            broker.depth(events)
    finally:
        connection.close()
    assert broker.depth(f"{events}.other") == 0
