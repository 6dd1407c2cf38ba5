"""One consumer's channel on one queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.broker.rabbitmq.channel import LastingChannel
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.topology import arguments


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a delivery came from: it can be acknowledged on that channel alone."""

    view: "QueueView"
    channel: Any
    amqp_tag: int


class Owner(Protocol):
    """The consumer that a view works for; called in the I/O thread."""

    def arrived(self, view: "QueueView", place: Place, body: bytes, *, redelivered: bool) -> None:
        """Take one message."""

    def gone(self, view: "QueueView") -> None:
        """Forget what came over a channel that is closed."""


class QueueView:
    """A channel with at most one consumer. All but `open`, `close`, `active` and `resting` is the I/O thread's."""

    def __init__(self, link: Link, queue: str, prefetch: int, owner: Owner) -> None:
        self.queue = queue
        self.resting = False
        self._link = link
        self._prefetch = prefetch
        self._owner = owner
        self._declared = False
        self._consumer_tag: str | None = None
        self._consuming = False
        self._lasting = LastingChannel(link, self._set_up, self._gone)

    @property
    def active(self) -> bool:
        """Whether the broker has confirmed the consumer, or there shall be none for now."""
        return self._consuming or (self.resting and self._lasting.current is not None)

    def open(self) -> None:
        """Begin."""
        self._lasting.open()

    def close(self, *, idle: bool) -> None:
        """Close the channel for good; `idle` says that nothing on it is unacknowledged. Idempotent.

        A quorum queue takes acknowledgements with a lower priority than the news that their channel is gone, and so
        delivers again what was acknowledged just before. A cancel makes it take them first; but it would also reverse
        the order of what is unacknowledged, so that is only for a channel that has nothing.
        """
        self._lasting.close(self._cancel_first if idle else lambda _: None)

    def consume(self) -> None:
        """Begin to consume, unless that is so already or must not be."""
        channel = self._lasting.current
        if channel is not None and self._declared and self._consumer_tag is None and not self.resting:
            self._consumer_tag = channel.basic_consume(self.queue, self._on_message, callback=self._on_consuming)

    def cancel(self) -> None:
        """End consuming; what was delivered stays unacknowledged."""
        channel = self._lasting.current
        if channel is not None and self._consumer_tag is not None:
            channel.basic_cancel(self._consumer_tag)
        self._consumer_tag, self._consuming = None, False

    def _set_up(self, channel: Any) -> None:
        channel.add_on_cancel_callback(self._on_cancel)
        channel.basic_qos(prefetch_count=self._prefetch)
        wanted = arguments(self.queue, self._link.major_version)
        channel.queue_declare(self.queue, durable=True, arguments=wanted, callback=self._on_declared)

    def _on_declared(self, _frame: Any) -> None:
        self._declared = True
        self.consume()

    def _on_consuming(self, frame: Any) -> None:
        self._consuming = frame.method.consumer_tag == self._consumer_tag

    def _on_cancel(self, _frame: Any) -> None:
        """The broker ended the consumer (its queue moved or was deleted): close the channel and begin again."""
        self._lasting.run_close()

    def _on_message(self, channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        place = Place(self, channel, method.delivery_tag)
        self._owner.arrived(self, place, body, redelivered=method.redelivered)

    def _cancel_first(self, channel: Any) -> None:
        if self._consumer_tag is not None:
            channel.basic_cancel(self._consumer_tag, callback=lambda _: None)

    def _gone(self) -> None:
        self._declared, self._consumer_tag, self._consuming = False, None, False
        self._owner.gone(self)


def ack_all(places: Sequence[Place]) -> None:
    """Acknowledge, one by one; what came over a channel that is closed is delivered again anyway."""
    for place in places:
        if place.channel.is_open:
            place.channel.basic_ack(place.amqp_tag)


def requeue_all(places: Sequence[Place]) -> None:
    """Give back, one by one."""
    for place in places:
        if place.channel.is_open:
            place.channel.basic_nack(place.amqp_tag, requeue=True)
