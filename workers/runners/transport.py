"""HTTP connections that go only where they may, end on time, and can be cut from another thread.

httpx's own transport has no place for a network backend, so this is one over the same connection pool (httpcore). The
backend resolves each name itself, at the first request as at each redirect, and connects to what it has checked: a name
cannot change its address in between.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

from workers.runners.addresses import AddressRefusedError, resolve

CONNECT_SECONDS: float = 10.0
POOL_CONNECTIONS: int = 100


class Call:
    """One request under way: its deadline on the monotonic clock, and the sockets that it uses."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.cut_off = False

    def use(self, connection: object) -> None:
        """Note the socket in use. Raises `OSError` if the call was cut off."""
        with self._lock:
            self._socket = connection if isinstance(connection, socket.socket) else None
            if self.cut_off:
                raise OSError("the request was stopped")

    def cut(self) -> None:
        """End the call: what waits for the network fails at once. Any thread may call."""
        with self._lock:
            self.cut_off = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def left(self, timeout: float | None) -> float | None:
        """Return the smaller of the timeout and what is left. Raises `TimeoutError` if that is nothing."""
        if self.deadline is None:
            return timeout
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the task's timeout passed")
        return left if timeout is None else min(left, timeout)


_current = threading.local()


@contextmanager
def calling(call: Call) -> Iterator[None]:
    """Make `call` the one that this thread's requests belong to."""
    _current.call = call
    try:
        yield
    finally:
        _current.call = None


def _call() -> Call:
    call: Call | None = getattr(_current, "call", None)
    return call or Call(None)


class _Stream(httpcore.NetworkStream):
    """A connection that asks the current call before it waits."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._enter(timeout, httpcore.ReadTimeout, httpcore.ReadError))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._enter(timeout, httpcore.WriteTimeout, httpcore.WriteError))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._enter(timeout, httpcore.ConnectTimeout, httpcore.ConnectError)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def _enter(self, timeout: float | None, late: type[Exception], cut: type[Exception]) -> float | None:
        call = _call()
        try:
            call.use(self._inner.get_extra_info("socket"))
            return call.left(timeout)
        except TimeoutError as error:
            raise late(str(error)) from error
        except OSError as error:
            raise cut(str(error)) from error


class _Backend(httpcore.NetworkBackend):
    """Connects to checked addresses."""

    def __init__(self, *, deny_private: bool) -> None:
        self._deny_private = deny_private
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = resolve(host, port, deny_private=self._deny_private)
        except AddressRefusedError:
            raise
        except OSError as error:
            raise httpcore.ConnectError(f"'{host}' is not known: {error}") from error
        failure: Exception | None = None
        for address in addresses:
            try:
                left = _call().left(timeout)
                return _Stream(self._inner.connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            except TimeoutError as error:
                raise httpcore.ConnectTimeout(str(error)) from error
        raise failure or httpcore.ConnectError(f"'{host}' has no address")


class GuardedTransport(httpx.BaseTransport):
    """httpx's transport over the pool with our backend. Errors are httpx's, and `AddressRefusedError`."""

    def __init__(self, *, verify_tls: bool, deny_private: bool) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(verify=verify_tls, trust_env=False),
            max_connections=POOL_CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=_Backend(deny_private=deny_private),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; the body is read from the response's stream."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        inner = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _translated():
            response = self._pool.handle_request(inner)
        assert isinstance(response.stream, Iterable)
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, inner: Iterable[bytes]) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            yield from self._inner

    def close(self) -> None:
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()


@contextmanager
def _translated() -> Iterator[None]:
    """Raise httpx's errors for httpcore's: the names are the same."""
    try:
        yield
    except (
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.TimeoutException,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx, type(error).__name__, httpx.TransportError)(str(error)) from error
