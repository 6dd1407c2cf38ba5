"""One connection to RabbitMQ, owned by a thread that does nothing but pika; it opens again by itself."""

import contextlib
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pika
from pika.exceptions import AMQPError

from engine.broker.rabbitmq.connection import Connection

log = logging.getLogger(__name__)

BACKOFF_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
HEARTBEAT_SECONDS: Final = 10
CLOSE_SECONDS_MAX: Final = 3.0
"""How long a closing handshake may take; without one, the broker finds out by itself."""


def _nothing() -> None:
    """The hook of one who does not want to know."""


@dataclass(frozen=True, slots=True, eq=False)
class Hooks:
    """What is called in the I/O thread: none may block.

    `opened(connection)` after every (re)connect, `lost()` whenever the connection is gone, `unblocked()` when the
    broker takes publications again.
    """

    opened: Callable[[Any], None]
    lost: Callable[[], None]
    unblocked: Callable[[], None] = _nothing


class Link:
    """A connection that comes back. `attach` registers those who open channels on it."""

    def __init__(self, url: str, name: str) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = HEARTBEAT_SECONDS
        self._parameters.client_properties = {"connection_name": name}
        self._name = name
        self._lock = threading.Lock()
        self._opened = threading.Condition(self._lock)
        self._connection: Any = None
        self._attached: list[Hooks] = []
        self._announced = False  # whether the hooks attached so far are told of the connection
        self._greeted = False  # whether they all have been
        self._closing = threading.Event()
        self._failures = 0
        self.blocked = False
        self.reason = "not connected yet"
        self._thread = threading.Thread(target=self._run, name=f"{name}-io", daemon=True)
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now, and everybody attached knows."""
        with self._lock:
            return self._greeted and self._is_open()

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
            self._opened.wait_for(lambda: self._greeted or self._closing.is_set(), timeout_seconds)
            return self._greeted and self._is_open()

    def attach(self, hooks: Hooks) -> None:
        """Call `hooks` for the connection there is and for every later one."""
        with self._lock:
            self._attached.append(hooks)
            announced = self._announced
        if announced:  # else the opening that is under way will find it
            self.call(hooks.opened)

    def detach(self, hooks: Hooks) -> None:
        """Stop calling."""
        with self._lock:
            self._attached = [one for one in self._attached if one is not hooks]

    def call(self, function: Callable[[Any], None]) -> bool:
        """Run `function(connection)` in the I/O thread soon; return False when there is no connection.

        It is not run when the connection goes before its turn has come: `lost` says so.
        """
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
        """Close the connection, or stop opening it, and end the thread. Idempotent."""
        self._closing.set()
        with self._lock:
            self._opened.notify_all()
            connection = self._connection
            if connection is not None:
                connection.ioloop.add_callback_threadsafe(lambda: self._begin_closing(connection))
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _is_open(self) -> bool:
        return self._connection is not None and self._connection.is_open

    def _guarded(self, function: Callable[[Any], None], connection: Any) -> None:
        if connection is not self._connection or not connection.is_open:
            return
        try:
            function(connection)
        except AMQPError as error:
            log.warning("%s: %r", self._name, error)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._serve()
            except Exception:  # a fault in here must cost a connection, never the thread: nobody could start it again
                log.exception("%s: the connection is given up", self._name)
                self._failures += 1
            self._drop()
            self._closing.wait(self._backoff())

    def _serve(self) -> None:
        """Open a connection and run its loop until it is gone."""
        connection = Connection(
            self._parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_open_error,
            on_close_callback=self._on_close,
        )
        with self._lock:
            self._connection = connection
        if self._closing.is_set():  # and `close` found no connection to close
            self._begin_closing(connection)
        try:
            connection.ioloop.start()
        except Exception:
            self._begin_closing(connection)
            connection.ioloop.start()  # until it is closed, at most CLOSE_SECONDS_MAX
            raise
        finally:
            with self._lock:
                self._connection = None
            connection.ioloop.close()

    def _begin_closing(self, connection: Any) -> None:
        # A broker in memory alarm reads nothing more from a publisher, the request to close included.
        connection.ioloop.call_later(0 if self.blocked else CLOSE_SECONDS_MAX, connection.abort)
        if not connection.is_closing and not connection.is_closed:
            with contextlib.suppress(AMQPError):  # a channel that closes at this moment: the time above is the limit
                connection.close()

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(blocked=True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(blocked=False))
        self._failures = 0
        with self._lock:
            attached = list(self._attached)
            self._announced = True
            self.reason = ""
        if self._closing.is_set():
            self._begin_closing(connection)
            return
        log.info("%s: connected", self._name)
        for hooks in attached:
            self._guarded(hooks.opened, connection)
        with self._lock:
            self._greeted = True
            self._opened.notify_all()

    def _on_open_error(self, connection: Any, error: Any) -> None:
        self._failures += 1
        self.reason = str(error) or type(error).__name__
        if self._failures in (1, 10) and not self._closing.is_set():
            log.warning("%s: no connection: %s", self._name, self.reason)
        connection.ioloop.stop()

    def _on_close(self, connection: Any, error: Any) -> None:
        self._failures += 1
        self.reason = str(error)
        if not self._closing.is_set():
            log.warning("%s: the connection is gone: %s", self._name, error)
        connection.ioloop.stop()

    def _drop(self) -> None:
        """Tell everybody that the connection they had is gone."""
        with self._lock:
            announced, self._announced, self._greeted = self._announced, False, False
            attached = list(self._attached)
        self.blocked = False
        if announced:
            for hooks in attached:
                hooks.lost()

    def _set_blocked(self, *, blocked: bool) -> None:
        self.blocked = blocked
        log.warning("%s: publishing is %s", self._name, "blocked by the broker" if blocked else "free again")
        if not blocked:
            with self._lock:
                attached = list(self._attached)
            for hooks in attached:
                hooks.unblocked()

    def _backoff(self) -> float:
        if self._failures == 0:
            return 0.0
        longest = BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS)) - 1]
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
