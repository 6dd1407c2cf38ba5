"""Inboxes that keep nothing: direct reply-to, and broadcasts."""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import pika

from engine.broker.interface import INBOX_MESSAGES_MAX, BrokerError
from engine.broker.rabbitmq.channel import LastingChannel
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.publisher import Publisher
from engine.broker.rabbitmq.topology import BROADCASTS

REPLY_TO: Final = "amq.rabbitmq.reply-to"


class _Inbox(ABC):
    """Bodies that arrive over one channel, and one who waits for them."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ready = threading.Condition()
        self._bodies: deque[bytes] = deque(maxlen=INBOX_MESSAGES_MAX)
        self._woken = False
        self._closed = False
        self._lasting = LastingChannel(link, self._set_up, self._gone)
        self._lasting.open()

    def get(self, timeout_seconds: float | None) -> bytes | None:
        """Return the next body, or None on time-out, on `wake` and when closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._bodies or self._woken or self._closed, timeout_seconds)
            self._woken = False
            return self._bodies.popleft() if self._bodies else None

    def wake(self) -> None:
        """Make a waiting `get` return."""
        with self._ready:
            self._woken = True
            self._ready.notify_all()

    def close(self) -> None:
        """Close the channel. Idempotent."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        self._lasting.close()

    @abstractmethod
    def _set_up(self, channel: Any) -> None:
        """Begin to receive on a fresh channel. Runs in the I/O thread."""

    def _gone(self) -> None:  # noqa: B027 - most have nothing to forget
        """Forget what belonged to the channel that is no more. Runs in the I/O thread."""

    def _take(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        with self._ready:
            self._bodies.append(body)
            self._ready.notify()


class RabbitReplies(_Inbox):
    """Direct reply-to; see `engine.broker.interface.Replies`.

    RabbitMQ puts the real address into a message's `reply_to` on its way. To know it ourselves (it goes into our own
    messages) we send one message to a queue of our own and read what it says. That makes the connection a publishing
    one, which a memory alarm blocks: so inboxes are not on the connection that acknowledges.
    """

    def __init__(self, link: Link, publisher: Publisher) -> None:
        self._publisher = publisher
        self._address = ""
        super().__init__(link)

    @property
    def address(self) -> str:
        """The address for `reply_to`. Raises `BrokerError` while there is none."""
        with self._ready:
            if not self._address or self._closed:
                raise BrokerError(
                    f"no reply address: {self._link.reason or 'its channel is being opened, or closed'}\n"
                    "  hint: ask again when the broker is connected"
                )
            return self._address

    def wait_address(self, timeout_seconds: float) -> bool:
        """Wait for an address; return whether there is one."""
        with self._ready:
            self._ready.wait_for(lambda: bool(self._address) or self._closed, timeout_seconds)
            return bool(self._address)

    def publish(self, queue: str, body: bytes) -> None:
        """Publish to a queue."""
        self._publisher.publish(queue, [body], None)

    def _set_up(self, channel: Any) -> None:
        channel.basic_consume(REPLY_TO, self._take, auto_ack=True)
        channel.queue_declare("", exclusive=True, auto_delete=True, callback=lambda frame: self._ask(channel, frame))

    def _ask(self, channel: Any, frame: Any) -> None:
        queue = frame.method.queue
        channel.basic_consume(queue, self._learn, auto_ack=True, exclusive=True)
        channel.basic_publish("", queue, b"", pika.BasicProperties(reply_to=REPLY_TO))

    def _learn(self, channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        channel.basic_cancel(method.consumer_tag)  # and with it the queue goes
        with self._ready:
            self._address = properties.reply_to
            self._ready.notify_all()

    def _gone(self) -> None:
        with self._ready:
            self._address = ""


class RabbitBroadcasts(_Inbox):
    """What is said to pools; see `engine.broker.interface.Broadcasts`."""

    def __init__(self, link: Link, pools: Sequence[str]) -> None:
        self._pools = [*pools, "*"]
        super().__init__(link)

    def _set_up(self, channel: Any) -> None:
        channel.exchange_declare(BROADCASTS, exchange_type="direct", durable=True)
        channel.queue_declare("", exclusive=True, auto_delete=True, callback=lambda frame: self._bind(channel, frame))

    def _bind(self, channel: Any, frame: Any) -> None:
        for pool in self._pools:
            channel.queue_bind(frame.method.queue, BROADCASTS, routing_key=pool)
        channel.basic_consume(frame.method.queue, self._take, auto_ack=True)
