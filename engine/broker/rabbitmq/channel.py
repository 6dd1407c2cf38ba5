"""A channel that lasts: opened with every connection, and again when the broker closed it."""

import logging
from collections.abc import Callable
from typing import Any, Final

from engine.broker.rabbitmq.link import Hooks, Link

log = logging.getLogger(__name__)

REOPEN_SECONDS: Final = 1.0


class LastingChannel:
    """One channel at a time on a link; everything but `open`, `run` and `close` belongs to the I/O thread.

    `set_up(channel)` prepares each new one, `gone()` is called when one that was set up is no more, for whatever
    reason, and `unblocked()` when the broker takes publications again.
    """

    def __init__(
        self,
        link: Link,
        set_up: Callable[[Any], None],
        gone: Callable[[], None],
        unblocked: Callable[[], None] = lambda: None,
    ) -> None:
        self._link = link
        self._set_up = set_up
        self._gone = gone
        self._channel: Any = None
        self._ended = False
        self._hooks = Hooks(self._open, self._lost, unblocked)

    @property
    def current(self) -> Any:
        """The channel while it is open, else None."""
        return self._channel if self._channel is not None and self._channel.is_open else None

    def open(self) -> None:
        """Begin. Whoever owns this must be ready to be called back."""
        self._link.attach(self._hooks)

    def run(self, function: Callable[[Any], None]) -> bool:
        """Run `function(channel)` in the I/O thread if there is a channel then; return False without a connection."""
        return self._link.call(lambda _: self._run(function))

    def close(self, farewell: Callable[[Any], None] = lambda _: None) -> None:
        """Close it for good: what is unacknowledged on it goes back. Idempotent.

        `farewell(channel)` is what to do last: pika closes when that is answered.
        """
        if self._ended:
            return
        self._ended = True

        def end(channel: Any) -> None:
            farewell(channel)
            channel.close()

        self.run(end)
        self._link.detach(self._hooks)

    def run_close(self) -> None:
        """Close the channel there is, from the I/O thread."""
        if self.current is not None:
            self._channel.close()

    def _run(self, function: Callable[[Any], None]) -> None:
        if self.current is not None:
            function(self._channel)

    def _open(self, connection: Any) -> None:
        if not self._ended:
            connection.channel(on_open_callback=self._on_open)

    def _on_open(self, channel: Any) -> None:
        if self._ended:
            channel.close()
            return
        self._channel = channel
        channel.add_on_close_callback(self._on_close)
        self._set_up(channel)

    def _on_close(self, channel: Any, reason: Any) -> None:
        if channel is not self._channel:
            return
        self._lost()
        if not self._ended and channel.connection.is_open:
            log.warning("a channel is gone and will be opened again: %s", reason)
            self._link.later(REOPEN_SECONDS, self._open)

    def _lost(self) -> None:
        if self._channel is not None:
            self._channel = None
            self._gone()
