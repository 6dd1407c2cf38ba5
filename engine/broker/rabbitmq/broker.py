"""The broker's contract on RabbitMQ: one connection to consume, one to publish."""

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
        return RabbitConsumer(self._consuming, [queue], prefetch)

    def consume_all(self, queues: Sequence[str], prefetch: int) -> RabbitConsumer:
        """Open one consumer over several queues."""
        return RabbitConsumer(self._consuming, queues, prefetch)

    def replies(self) -> RabbitReplies:
        """Open an inbox; waits a little for its address."""
        inbox = RabbitReplies(self._publishing, self._publisher)
        inbox.wait_address(ANSWER_SECONDS)
        return inbox

    def broadcasts(self, pools: Sequence[str]) -> RabbitBroadcasts:
        """Open a subscription."""
        return RabbitBroadcasts(self._consuming, pools)

    def depth(self, queue: str) -> int:
        """Return how many messages are ready, creating the queue where missing. Raises `BrokerError`."""
        return declare(self._consuming, [queue], ANSWER_SECONDS)[0]

    def close(self) -> None:
        """Close both connections: what is not confirmed has failed. Idempotent."""
        self._consuming.close()
        self._publishing.close()
