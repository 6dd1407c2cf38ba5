"""A broker in memory alarm reads no more from whoever publishes: nothing is lost, nobody hangs, memory has a bound."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.broker.interface import Consumer, Outcome
from engine.broker.rabbitmq import publisher
from tests.integration.rabbitmq_play import Sender, bodies, connected, take, until
from tests.services import rabbitmqctl
from tests.services.place import Place

EVENTS = "events.5"
NORMAL, TINY = "0.4", "0.00001"


@contextmanager
def alarm(broker: Place) -> Iterator[None]:
    """Have the broker believe that it has no memory left."""
    rabbitmqctl("set_vm_memory_high_watermark", TINY, name=broker.name)
    try:
        yield
    finally:
        rabbitmqctl("set_vm_memory_high_watermark", NORMAL, name=broker.name)


def test_an_alarm_delays_and_loses_nothing(own_broker: Place) -> None:
    with connected(own_broker.service.url) as broker:
        consumer, sender = broker.consume(EVENTS, 1000), Sender(broker, EVENTS)
        sender.send(10)
        until(sender.known, "the first are confirmed")
        earlier = take(consumer, 10)
        with alarm(own_broker):
            sender.send(1)  # a publication is what makes the broker block a connection
            until(lambda: broker._publishing.blocked, "the broker says that it blocks us")
            for _ in range(100):
                sender.send(1)
            consumer.ack(earlier)  # acknowledging, and asking, must go on: they have a connection of their own
            assert broker.depth(EVENTS) == 0
            assert len(sender.outcomes) == 10
        until(sender.known, "what waited is confirmed")
        assert sender.with_outcome(Outcome.FAILED) == []
        assert _first_time(consumer, sender.sent[10:]) == sender.sent[10:]


def _first_time(consumer: Consumer, wanted: list[bytes]) -> list[bytes]:
    """Take messages until all that are wanted have come, in the order of their first coming: some may come again."""
    found: dict[bytes, None] = {}
    while len(found) < len(wanted):
        found |= dict.fromkeys(body for body in bodies(take(consumer, 1)) if body in wanted)
    return list(found)


def test_what_waits_is_bounded_and_closing_does_not_wait(own_broker: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "HELD_BYTES_MAX", 1_000_000)
    with connected(own_broker.service.url, "bounded") as broker:
        sender = Sender(broker, EVENTS)
        with alarm(own_broker):
            sender.send(1)
            until(lambda: broker._publishing.blocked, "the broker says that it blocks us")
            for _ in range(20):
                sender.send(1, size=100_000)
            assert len(sender.with_outcome(Outcome.FAILED)) == 11
            closing = threading.Thread(target=broker.close)
            closing.start()
            closing.join(10)
            assert not closing.is_alive()
            assert sender.known()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("bounded")] == []
