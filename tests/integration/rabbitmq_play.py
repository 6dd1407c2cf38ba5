"""What the tests of the RabbitMQ adapter share: waiting for what must come true, and keeping the outcomes."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.broker import Broker, connect
from engine.broker.interface import Consumer, Delivery, Outcome


def until(condition: Callable[[], bool], what: str, seconds: float = 40.0) -> None:
    """Wait until the condition is true."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, what
        pause.wait(0.02)


def take(consumer: Consumer, number: int, seconds: float = 20.0) -> list[Delivery]:
    """Take so many messages."""
    found: list[Delivery] = []
    deadline = time.monotonic() + seconds
    while len(found) < number:
        assert time.monotonic() < deadline, f"only {len(found)} of {number} messages came"
        found += consumer.get(number - len(found), 1.0)
    return found


def bodies(deliveries: list[Delivery]) -> list[bytes]:
    """The bodies, in order."""
    return [delivery.body for delivery in deliveries]


@contextmanager
def connected(url: str, name: str = "test") -> Iterator[Broker]:
    """A broker that has declared its queues."""
    broker = connect(url, name=name)
    try:
        broker.declare(["default"])
        yield broker
    finally:
        broker.close()


class Sender:
    """Publishes numbered messages and keeps what became of each."""

    def __init__(self, broker: Broker, queue: str) -> None:
        self.broker = broker
        self.queue = queue
        self.outcomes: dict[bytes, list[Outcome]] = defaultdict(list)
        self.sent: list[bytes] = []

    def send(self, number: int, size: int = 0) -> None:
        """Publish so many in one call."""
        batch = [b"%d." % n + b"x" * size for n in range(len(self.sent), len(self.sent) + number)]
        self.sent += batch
        self.broker.publish(self.queue, batch, lambda index, outcome: self.outcomes[batch[index]].append(outcome))

    def known(self) -> bool:
        """Whether every outcome is known."""
        return len(self.outcomes) == len(self.sent)

    def with_outcome(self, outcome: Outcome) -> list[bytes]:
        """What ended that way, in the order it was sent; each must have ended once."""
        assert all(len(found) == 1 for found in list(self.outcomes.values())), "an outcome came twice"
        return [body for body in self.sent if self.outcomes.get(body) == [outcome]]
