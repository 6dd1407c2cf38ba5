"""pika's connection, but that its channels close without cancelling their consumers, and that it can be cut off."""

from collections.abc import Callable
from typing import Any

import pika
import pika.channel
from pika.exceptions import ConnectionClosedByClient


class Channel(pika.channel.Channel):  # type: ignore[misc]  # pika has no types
    """A channel whose close hands over what is unacknowledged in order.

    pika sends `basic.cancel` for each consumer before `channel.close`. A cancel makes the next consumer of a
    single-active-consumer queue active at once, so that it gets what is still in the queue before what we gave back.
    """

    def close(self, reply_code: int = 0, reply_text: str = "Normal shutdown") -> None:
        """Close; pika takes the consumers for cancelled, and drops what still arrives for them."""
        self._cancelled.update(self._consumers)
        super().close(reply_code, reply_text)


class Connection(pika.SelectConnection):  # type: ignore[misc]
    """A connection that makes such channels; closing it closes them the same way."""

    def abort(self) -> None:
        """Cut the open connection off without the broker's consent; its close callback is called as usual."""
        if self._opened and not self.is_closed:
            self._terminate_stream(ConnectionClosedByClient(0, "cut off"))

    def _create_channel(self, channel_number: int, on_open_callback: Callable[[Any], Any] | None) -> Channel:
        return Channel(self, channel_number, on_open_callback)
