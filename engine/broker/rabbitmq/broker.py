"""The broker's contract on RabbitMQ: one connection to consume, one to publish."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from engine.broker.interface import BrokerError, Outcome
from engine.broker.rabbitmq.consumer import RabbitConsumer
from engine.broker.rabbitmq.inboxes import RabbitBroadcasts, RabbitReplies
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.publisher import Publisher
from engine.broker.rabbitmq.topology import arguments, pool_queues, system_queues

ANSWER_SECONDS: Final = 15.0


class RabbitBroker:
    """RabbitMQ behind `engine.broker.interface.Broker`.

    Consuming and publishing have a connection each: acknowledgements must not be stuck behind a publisher that the
    broker has blocked. Connections are opened in the background and again whenever they are lost.
    """

    def __init__(self, url: str, *, name: str) -> None:
        try:
            self._consuming = Link(url, f"{name}-consume")
            self._publishing = Link(url, f"{name}-publish")
        except (ValueError, TypeError) as error:
            raise BrokerError(f"not a broker URL: {error}\n  hint: amqp://user:password@host/vhost") from error
        self._publisher = Publisher(self._publishing)

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return self._consuming.connected and self._publishing.connected

    def declare(self, pools: Sequence[str]) -> None:
        """Create the queues. Raises `BrokerError` when the broker does not answer."""
        for queue in [*system_queues(), *pool_queues(list(pools))]:
            self._declare(queue)

    def publish(
        self, queue: str, bodies: Sequence[bytes], on_outcome: Callable[[int, Outcome], None] | None = None
    ) -> None:
        """Hand over for publishing."""
        self._publisher.publish(queue, bodies, on_outcome)

    def reply(self, address: str, bodies: Sequence[bytes]) -> None:
        """Send to a reply address."""
        self._publisher.reply(address, bodies)

    def broadcast(self, pool: str, body: bytes) -> None:
        """Say to everybody who listens to the pool."""
        self._publisher.broadcast(pool, body)

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
        """Return how many messages are ready."""
        return self._declare(queue)

    def close(self) -> None:
        """Close both connections."""
        self._consuming.close()
        self._publishing.close()

    def _declare(self, queue: str) -> int:
        """Declare a queue and return how many messages are ready in it."""
        answered = threading.Event()
        found: list[int] = []

        def answer(channel: Any, frame: Any) -> None:
            found.append(frame.method.message_count)
            channel.close()
            answered.set()

        def ask(channel: Any) -> None:
            channel.add_on_close_callback(lambda *_: answered.set())
            wanted = arguments(queue, self._publishing.major_version)
            channel.queue_declare(queue, durable=True, arguments=wanted, callback=lambda frame: answer(channel, frame))

        if not self._publishing.wait_connected(ANSWER_SECONDS):
            raise BrokerError(
                f"the broker cannot be reached: {self._publishing.reason}\n"
                "  hint: is RabbitMQ running, and CHRONOVERSE_BROKER_URL right?"
            )
        self._publishing.call(lambda connection: connection.channel(on_open_callback=ask))
        if not answered.wait(ANSWER_SECONDS) or not found:
            raise BrokerError(f"the broker did not declare queue {queue}\n  hint: look into RabbitMQ's log")
        return found[0]
