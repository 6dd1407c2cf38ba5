"""Queues declared on request: creates those missing, and tells how many messages are ready in each."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from engine.broker.interface import BrokerError
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.topology import arguments


def reach(link: Link, timeout_seconds: float) -> None:
    """Wait for the link's connection. Raises `BrokerError` when there is none in time."""
    if not link.wait_connected(timeout_seconds):
        raise BrokerError(
            f"the broker cannot be reached: {link.reason}\n"
            "  hint: is RabbitMQ running, and CHRONOVERSE_BROKER_URL right?"
        )


def declare(link: Link, queues: Sequence[str], timeout_seconds: float) -> list[int]:
    """Declare the queues over one channel, in order; return how many messages are ready in each.

    Raises `BrokerError` when the broker refuses one or does not answer in time.
    """
    deadline = time.monotonic() + timeout_seconds
    reach(link, timeout_seconds)
    declaring = _Declaring(link, queues)
    if link.call(declaring.begin):
        declaring.ended.wait(max(deadline - time.monotonic(), 0.0))
        link.call(lambda _: declaring.end())
    if len(declaring.ready) < len(queues):
        missing = queues[len(declaring.ready)]
        raise BrokerError(
            f"the broker did not declare queue {missing}: {declaring.reason or 'no answer'}\n"
            "  hint: look into RabbitMQ's log; a queue of that name with other arguments must be deleted"
        )
    return declaring.ready


class _Declaring:
    """One channel's work; runs in the I/O thread."""

    def __init__(self, link: Link, queues: Sequence[str]) -> None:
        self._link = link
        self._queues = queues
        self._channel: Any = None
        self.ready: list[int] = []
        self.reason = ""
        self.ended = threading.Event()

    def begin(self, connection: Any) -> None:
        self._channel = connection.channel(on_open_callback=self._on_open)
        self._channel.add_on_close_callback(self._on_close)

    def end(self) -> None:
        if self._channel is not None and not self._channel.is_closing and not self._channel.is_closed:
            self._channel.close()

    def _on_open(self, channel: Any) -> None:
        for queue in self._queues:  # pika sends each when the one before it is answered
            wanted = arguments(queue, self._link.major_version)
            channel.queue_declare(queue, durable=True, arguments=wanted, callback=self._on_declared)

    def _on_declared(self, frame: Any) -> None:
        self.ready.append(frame.method.message_count)
        if len(self.ready) == len(self._queues):
            self.ended.set()

    def _on_close(self, _channel: Any, reason: Any) -> None:
        self.reason = str(reason)
        self.ended.set()
