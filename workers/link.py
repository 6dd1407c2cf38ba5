"""A worker's line to the engine: one inbox, its address, and a thread that hands each answer to whom it is for."""

import logging
import threading
from collections.abc import Callable

from engine.broker.interface import Broker, BrokerError
from engine.broker.messages import AnyMessage, UnknownVersionError, UnreadableMessageError, decode

log = logging.getLogger(__name__)

Handler = Callable[[AnyMessage], None]
LOOK_SECONDS: float = 1.0
"""How often a connection that came back is looked for; only repeats depend on it."""


class Link:
    """Publishes with a reply address and routes what comes back. Any thread may call."""

    def __init__(self, broker: Broker, name: str) -> None:
        self._broker = broker
        self._replies = broker.replies()
        self._handlers: dict[type[AnyMessage], Handler] = {}
        self._on_reconnect: list[Callable[[], None]] = []
        self._last_address = ""
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def route(self, kind: type[AnyMessage], handler: Handler) -> None:
        """Hand messages of this kind to `handler`, in this link's thread. Before `start`."""
        self._handlers[kind] = handler

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call back, in this link's thread, when the address changed. Before `start`."""
        self._on_reconnect.append(callback)

    def start(self) -> None:
        """Start routing."""
        self._thread.start()

    @property
    def address(self) -> str:
        """Where answers come to. Raises `BrokerError` while there is no connection."""
        return self._replies.address

    def publish(self, queue: str, body: bytes) -> None:
        """Publish so that answers come here. Raises `BrokerError`."""
        self._replies.publish(queue, body)

    def close(self) -> None:
        """Close the inbox and end the thread. Idempotent."""
        self._closed = True
        self._replies.close()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._closed:
            body = self._replies.get(LOOK_SECONDS)
            self._look_for_new_address()
            if body is not None:
                self._hand_on(body)

    def _look_for_new_address(self) -> None:
        try:
            address = self._replies.address
        except BrokerError:
            return
        if self._last_address not in ("", address):
            for callback in self._on_reconnect:
                callback()
        self._last_address = address

    def _hand_on(self, body: bytes) -> None:
        try:
            message = decode(body)
        except (UnknownVersionError, UnreadableMessageError) as error:
            log.warning("an answer was dropped: %s", error)
            return
        handler = self._handlers.get(type(message))
        if handler is None:
            log.warning("an answer was dropped: nobody waits for %s", type(message).__name__)
            return
        handler(message)
