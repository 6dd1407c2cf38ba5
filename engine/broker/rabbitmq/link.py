"""One connection to RabbitMQ, owned by a thread that does nothing but pika; it opens again by itself."""

import logging
import random
import threading
from collections.abc import Callable
from typing import Any, Final

import pika
from pika.exceptions import AMQPError

log = logging.getLogger(__name__)

BACKOFF_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
HEARTBEAT_SECONDS: Final = 30


class Link:
    """A connection that comes back.

    `attach` registers someone who opens channels: `opened(connection)` is called in the I/O thread after every
    (re)connect, `lost()` whenever the connection is gone. Neither may block.
    """

    def __init__(self, url: str, name: str) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = HEARTBEAT_SECONDS
        self._parameters.client_properties = {"connection_name": name}
        self._name = name
        self._lock = threading.Lock()
        self._opened = threading.Condition(self._lock)
        self._connection: Any = None
        self._attached: list[tuple[Callable[[Any], None], Callable[[], None]]] = []
        self._closing = threading.Event()
        self._failures = 0
        self._announced = False
        self.blocked = False
        self.reason = "not connected yet"
        self._thread = threading.Thread(target=self._run, name=f"{name}-io", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        with self._lock:
            return self._is_open()

    @property
    def major_version(self) -> int:
        """The server's major version; 0 while it is not known."""
        with self._lock:
            properties = getattr(self._connection, "server_properties", None) or {}
        version = properties.get("version", b"0")
        text = version.decode() if isinstance(version, bytes) else str(version)
        return int(text.partition(".")[0] or 0)

    def wait_connected(self, timeout_seconds: float) -> bool:
        """Wait for a connection; return whether there is one."""
        with self._lock:
            return self._opened.wait_for(self._is_open, timeout_seconds)

    def attach(self, opened: Callable[[Any], None], lost: Callable[[], None]) -> None:
        """Have `opened` called for the connection there is and for every later one."""
        with self._lock:
            self._attached.append((opened, lost))
            announced = self._announced
        if announced:  # else the opening that is under way will find it
            self.call(opened)

    def detach(self, opened: Callable[[Any], None]) -> None:
        """Stop calling."""
        with self._lock:
            self._attached = [pair for pair in self._attached if pair[0] != opened]

    def call(self, function: Callable[[Any], None]) -> bool:
        """Run `function(connection)` in the I/O thread soon; return False when there is no connection."""
        with self._lock:
            connection = self._connection if self._is_open() else None
            if connection is None:
                return False
            connection.ioloop.add_callback_threadsafe(lambda: self._guarded(function, connection))
            return True

    def later(self, seconds: float, function: Callable[[Any], None]) -> None:
        """From the I/O thread: run `function(connection)` after a while, if the connection is then still the same."""
        connection = self._connection
        if connection is not None:
            connection.ioloop.call_later(seconds, lambda: self._guarded(function, connection))

    def close(self) -> None:
        """Close the connection and end the thread."""
        self._closing.set()
        self.call(lambda connection: connection.close())
        with self._lock:
            self._opened.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    def _is_open(self) -> bool:
        return self._connection is not None and self._connection.is_open

    def _guarded(self, function: Callable[[Any], None], connection: Any) -> None:
        if connection is not self._connection or not connection.is_open:
            return
        try:
            function(connection)
        except AMQPError as error:
            log.warning("%s: %s", self._name, error)

    def _run(self) -> None:
        while not self._closing.is_set():
            connection = pika.SelectConnection(
                self._parameters,
                on_open_callback=self._on_open,
                on_open_error_callback=self._on_open_error,
                on_close_callback=self._on_close,
            )
            with self._lock:
                self._connection = connection
            connection.ioloop.start()
            connection.ioloop.close()
            with self._lock:
                self._connection = None
            self._closing.wait(self._backoff())

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(blocked=True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(blocked=False))
        self._failures = 0
        with self._lock:
            attached = list(self._attached)
            self._announced = True
            self.reason = ""
            self._opened.notify_all()
        if self._closing.is_set():
            connection.close()
            return
        log.info("%s: connected", self._name)
        for opened, _ in attached:
            self._guarded(opened, connection)

    def _on_open_error(self, connection: Any, error: Any) -> None:
        self._failures += 1
        self.reason = str(error) or type(error).__name__
        if self._failures in (1, 10):
            log.warning("%s: no connection: %s", self._name, self.reason)
        connection.ioloop.stop()

    def _on_close(self, connection: Any, error: Any) -> None:
        self._failures += 1
        self.blocked = False
        self.reason = str(error)
        if not self._closing.is_set():
            log.warning("%s: the connection is gone: %s", self._name, error)
        with self._lock:
            attached = list(self._attached)
            self._announced = False
        for _, lost in attached:
            lost()
        connection.ioloop.stop()

    def _set_blocked(self, *, blocked: bool) -> None:
        self.blocked = blocked
        log.warning("%s: publishing is %s", self._name, "blocked by the broker" if blocked else "free again")

    def _backoff(self) -> float:
        if self._failures == 0:
            return 0.0
        longest = BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS)) - 1]
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
