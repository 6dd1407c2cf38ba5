"""What is sent without a confirm: replies and broadcasts. It is lost when it cannot go out at once."""

from collections.abc import Sequence
from typing import Any

from engine.broker.rabbitmq.channel import LastingChannel
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.topology import BROADCASTS


class Messenger:
    """A channel without confirms. Any thread may call."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lasting = LastingChannel(link, self._set_up, lambda: None)
        self._lasting.open()

    def reply(self, address: str, bodies: Sequence[bytes]) -> None:
        """Send to a reply address: neither stored, confirmed nor mandatory."""
        self._lasting.run(lambda channel: self._send(channel, "", address, bodies))

    def broadcast(self, pool: str, body: bytes) -> None:
        """Say to everybody who listens to the pool."""
        self._lasting.run(lambda channel: self._send(channel, BROADCASTS, pool, [body]))

    def _set_up(self, channel: Any) -> None:
        channel.exchange_declare(BROADCASTS, exchange_type="direct", durable=True)

    def _send(self, channel: Any, exchange: str, key: str, bodies: Sequence[bytes]) -> None:
        if self._link.blocked:
            return  # the broker reads nothing: it would only pile up here
        for body in bodies:
            channel.basic_publish(exchange, key, body)
