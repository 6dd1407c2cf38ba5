"""The broker's contract on RabbitMQ: one connection to consume, one to publish."""

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Final

from engine.broker.interface import BrokerError, Outcome
from engine.broker.rabbitmq.consumer import RabbitConsumer
from engine.broker.rabbitmq.declaring import declare, reach
from engine.broker.rabbitmq.inboxes import RabbitBroadcasts, RabbitReplies
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.messenger import Messenger
from engine.broker.rabbitmq.publisher import Publisher
from engine.broker.rabbitmq.topology import pool_queues, system_queues

ANSWER_SECONDS: Final = 15.0

_Opened = RabbitConsumer | RabbitReplies | RabbitBroadcasts


class RabbitBroker:
    """RabbitMQ behind `engine.broker.interface.Broker`.

    Consuming and publishing have a connection each: acknowledgements must not be stuck behind a publisher that the
    broker has blocked, and what only asks goes over the first for the same reason. Connections are opened in the
    background and again whenever they are lost.
    """

    def __init__(self, url: str, *, name: str) -> None:
        try:
            self._consuming = Link(url, f"{name}-consume")
            self._publishing = Link(url, f"{name}-publish")
        except (ValueError, TypeError) as error:
            raise BrokerError(f"not a broker URL: {error}\n  hint: amqp://user:password@host/vhost") from error
        self._publisher = Publisher(self._publishing)
        self._messenger = Messenger(self._publishing)
        self._lock = threading.Lock()
        self._closed = False
        self._opened: weakref.WeakSet[_Opened] = weakref.WeakSet()

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return self._consuming.connected and self._publishing.connected

    def declare(self, pools: Sequence[str]) -> None:
        """Create the queues. Raises `BrokerError` when the broker does not answer."""
        reach(self._publishing, ANSWER_SECONDS)  # so that a publication right after this is not refused
        declare(self._consuming, [*system_queues(), *pool_queues(list(pools))], ANSWER_SECONDS)

    def publish(
        self, queue: str, bodies: Sequence[bytes], on_outcome: Callable[[int, Outcome], None] | None = None
    ) -> None:
        """Hand over for publishing."""
        self._publisher.publish(queue, bodies, on_outcome)

    def reply(self, address: str, bodies: Sequence[bytes]) -> None:
        """Send to a reply address."""
        self._messenger.reply(address, bodies)

    def broadcast(self, pool: str, body: bytes) -> None:
        """Say to everybody who listens to the pool."""
        self._messenger.broadcast(pool, body)

    def consume(self, queue: str, prefetch: int) -> RabbitConsumer:
        """Open a consumer."""
        return self.consume_all([queue], prefetch)

    def consume_all(self, queues: Sequence[str], prefetch: int) -> RabbitConsumer:
        """Open one consumer over several queues."""
        consumer = RabbitConsumer(self._consuming, queues, prefetch)
        self._keep(consumer)
        return consumer

    def replies(self) -> RabbitReplies:
        """Open an inbox; waits a little for its address."""
        inbox = RabbitReplies(self._publishing, self._publisher)
        self._keep(inbox)
        inbox.wait_address(ANSWER_SECONDS)
        return inbox

    def broadcasts(self, pools: Sequence[str]) -> RabbitBroadcasts:
        """Open a subscription."""
        listener = RabbitBroadcasts(self._consuming, pools)
        self._keep(listener)
        return listener

    def depth(self, queue: str) -> int:
        """Return how many messages are ready, creating the queue where missing. Raises `BrokerError`."""
        return declare(self._consuming, [queue], ANSWER_SECONDS)[0]

    def close(self) -> None:
        """Close everything: what is not acknowledged goes back, what is not confirmed has failed. Idempotent."""
        with self._lock:
            self._closed = True
            opened = list(self._opened)
        for one in opened:
            one.close()
        self._consuming.close()
        self._publishing.close()

    def _keep(self, one: _Opened) -> None:
        """Remember what must be closed with the broker: somebody may wait in its `get`."""
        with self._lock:
            self._opened.add(one)
            closed = self._closed
        if closed:
            one.close()
