"""Pull views of queues: a channel for each queue, opened again whenever it is gone."""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import Any, Final

from engine.broker.interface import Delivery
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.topology import arguments

REOPEN_SECONDS: Final = 1.0


class _QueueChannel:
    """The channel of one queue. Everything here runs in the I/O thread."""

    def __init__(self, owner: "RabbitConsumer", queue: str) -> None:
        self.owner = owner
        self.queue = queue
        self.channel: Any = None
        self.consumer_tag: str | None = None
        self.resting = False
        self.left = False

    def open(self, connection: Any) -> None:
        if not self.left:
            connection.channel(on_open_callback=self._on_channel)

    def consume(self) -> None:
        if self.channel is not None and self.channel.is_open and not self.resting and not self.left:
            self.consumer_tag = self.channel.basic_consume(self.queue, self._on_message)

    def cancel(self) -> None:
        if self.channel is not None and self.channel.is_open and self.consumer_tag is not None:
            self.channel.basic_cancel(self.consumer_tag)
        self.consumer_tag = None

    def close(self) -> None:
        self.left = True
        if self.channel is not None and self.channel.is_open:
            self.channel.close()

    @property
    def consuming(self) -> bool:
        return self.channel is not None and self.channel.is_open and (self.resting or self.consumer_tag is not None)

    def _on_channel(self, channel: Any) -> None:
        if self.left:
            channel.close()
            return
        self.channel = channel
        channel.add_on_close_callback(self._on_close)
        channel.add_on_cancel_callback(self._on_cancel)
        channel.basic_qos(prefetch_count=self.owner.prefetch)
        wanted = arguments(self.queue, self.owner.link.major_version)
        channel.queue_declare(self.queue, durable=True, arguments=wanted, callback=lambda _: self.consume())

    def _on_close(self, channel: Any, _error: Any) -> None:
        if channel is self.channel:
            self.channel, self.consumer_tag = None, None
            self.owner.gone(self)
            if not self.left:
                self.owner.link.later(REOPEN_SECONDS, self.open)

    def _on_cancel(self, _frame: Any) -> None:
        """The broker ended the consumer (its queue moved or was deleted): close the channel and begin again."""
        self.consumer_tag = None
        if self.channel is not None and self.channel.is_open:
            self.channel.close()

    def _on_message(self, channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        self.owner.arrived(self, channel, method.delivery_tag, body, method.redelivered)


Place = tuple[_QueueChannel, Any, int]


class RabbitConsumer:
    """A consumer over one queue or several; see `engine.broker.interface.GroupConsumer`.

    Tags are our own and never used twice, so a delivery of a connection that is gone acknowledges nothing.
    """

    def __init__(self, link: Link, queues: Sequence[str], prefetch: int) -> None:
        self.link = link
        self.prefetch = prefetch
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._inbox: deque[Delivery] = deque()
        self._places: dict[int, Place] = {}
        self._numbers = count(1)
        self._woken = False
        self._closed = False
        self._heard: set[str] = set()
        self._channels = {queue: _QueueChannel(self, queue) for queue in queues}
        link.attach(self._opened, self._lost)

    @property
    def active(self) -> bool:
        """Whether messages can arrive."""
        return not self._closed and self.link.connected and all(one.consuming for one in self._channels.values())

    @property
    def held(self) -> frozenset[str]:
        """Queues that have given us something since the last (re)connect."""
        with self._lock:
            return frozenset(self._heard & set(self._channels))

    def get(self, max_messages: int, timeout_seconds: float | None) -> list[Delivery]:
        """Return what is there, at most `max_messages`; wait for the first."""
        with self._ready:
            if not self._inbox and not self._woken and not self._closed and timeout_seconds != 0:
                self._ready.wait(timeout_seconds)
            self._woken = False
            return [self._inbox.popleft() for _ in range(min(max_messages, len(self._inbox)))]

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, one by one: what another batch holds is not ours to acknowledge."""
        places = self._take(deliveries)
        if places:
            self.link.call(lambda _: _ack_all(places))

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Give back."""
        places = self._take(deliveries)
        if places:
            self.link.call(lambda _: _nack_all(places))

    def release(self, delivery: Delivery) -> None:
        """Cancel the consumer, then acknowledge."""
        places = self._take([delivery])

        def rest(_: Any) -> None:
            for one in self._channels.values():
                one.resting = True
                one.cancel()
            _ack_all(places)

        if not self.link.call(rest):
            for one in self._channels.values():
                one.resting = True

    def resume(self) -> None:
        """Consume again."""

        def again(_: Any) -> None:
            for one in self._channels.values():
                if one.resting:
                    one.resting = False
                    one.consume()

        if not self.link.call(again):
            for one in self._channels.values():
                one.resting = False

    def leave(self, queue: str) -> None:
        """Close this queue's channel."""
        one = self._channels.pop(queue, None)
        if one is not None:
            one.left = True
            self.link.call(lambda _: one.close())
            self.gone(one)

    def wake(self) -> None:
        """Make a waiting `get` return."""
        with self._ready:
            self._woken = True
            self._ready.notify_all()

    def close(self) -> None:
        """Close the channels: what is unacknowledged goes back."""
        with self._ready:
            if self._closed:
                return
            self._closed = True
            self._inbox.clear()
            self._places.clear()
            self._ready.notify_all()
        self.link.detach(self._opened)
        channels = list(self._channels.values())
        for one in channels:
            one.left = True
        self.link.call(lambda _: _close_all(channels))

    def arrived(self, one: _QueueChannel, channel: Any, amqp_tag: int, body: bytes, redelivered: bool) -> None:
        """Take one message. Runs in the I/O thread."""
        with self._ready:
            if self._closed or one.left:
                return
            tag = next(self._numbers)
            self._heard.add(one.queue)
            self._places[tag] = (one, channel, amqp_tag)
            self._inbox.append(Delivery(tag, body, redelivered, one.queue))
            self._ready.notify()

    def gone(self, one: _QueueChannel) -> None:
        """Forget what came over a channel that is closed: it is delivered again."""
        with self._lock:
            lost = {tag for tag, place in self._places.items() if place[0] is one}
            for tag in lost:
                del self._places[tag]
            self._inbox = deque(delivery for delivery in self._inbox if delivery.tag not in lost)
            self._heard.discard(one.queue)

    def _opened(self, connection: Any) -> None:
        for one in list(self._channels.values()):
            one.open(connection)

    def _lost(self) -> None:
        for one in list(self._channels.values()):
            one.channel, one.consumer_tag = None, None
            self.gone(one)

    def _take(self, deliveries: Sequence[Delivery]) -> list[Place]:
        with self._lock:
            found = [self._places.pop(delivery.tag, None) for delivery in deliveries]
        return [place for place in found if place is not None]


def _ack_all(places: list[Place]) -> None:
    for _, channel, tag in places:
        if channel.is_open:
            channel.basic_ack(tag)


def _nack_all(places: list[Place]) -> None:
    for _, channel, tag in places:
        if channel.is_open:
            channel.basic_nack(tag, requeue=True)


def _close_all(channels: list[_QueueChannel]) -> None:
    for one in channels:
        one.close()
