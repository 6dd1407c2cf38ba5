"""The API's server: uvicorn in a thread, started and stopped like every other service."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvicorn

from api.app import create_app
from api.dependencies import Dependencies
from api.hosts import is_loopback
from api.tracing import Traced
from engine.store.accounts import any_account
from engine.store.database import Database

STOP_SECONDS: Final = 5
TICK_SECONDS: Final = 1.0


class ServerError(Exception):
    """The server cannot listen where it was told to; the message says what to do."""


class _Server(uvicorn.Server):
    """Wakes once a second, for the Date header, and when it is to end; uvicorn's own loop wakes ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = threading.Event()
        self._wake: Callable[[], object] = self._ending.set

    async def main_loop(self) -> None:
        """Serve until `end`."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        while not (self._ending.is_set() or await self.on_tick(0)):
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), TICK_SECONDS)

    def end(self) -> None:
        """Have the server end, from any thread."""
        self.should_exit = True
        self._ending.set()
        with suppress(RuntimeError):  # the loop has ended already
            self._wake()


class ApiServer:
    """Serves the API on one address. Prints nothing; `stop` ends followed streams, then waits for requests."""

    name = "api"

    def __init__(self, dependencies: Dependencies, *, host: str, port: int) -> None:
        """Take an address; nothing is opened yet.

        Raises `ServerError` for one that others reach as long as there is no account: everybody could do everything.
        """
        if not is_loopback(host) and not _has_account(dependencies.database):
            raise ServerError(
                f"the API cannot listen on {host!r}: there is no account, so everybody could do everything\n"
                "  hint: set CHRONOVERSE_ADMIN_PASSWORD, or add one on 127.0.0.1 first (`chronoverse account add`)"
            )
        self._dependencies = dependencies
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where the server is, once it is started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def fault(self) -> str:
        """Why the server is not well; empty when it is."""
        alive = self._thread is not None and self._thread.is_alive()
        return "" if alive else "api: the server has ended"

    def start(self) -> None:
        """Listen and serve. Raises `ServerError` if the address is taken."""
        self._socket = self._listen()
        self._port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            Traced(create_app(self._dependencies)),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End streams, finish requests, close. Idempotent."""
        self._dependencies.closing.set()
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # asyncio turns off Nagle's algorithm only for sockets that name their protocol; without that, 40 ms an answer.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self._host, self._port))
        except OSError as error:
            listening.close()
            raise ServerError(
                f"the API cannot listen on {self._host}:{self._port}: {error.strerror}\n"
                "  hint: is another chronoverse running? `--port 0` takes a free one"
            ) from error
        listening.listen(1024)
        return listening


def _has_account(database: Database) -> bool:
    with database.read() as connection:
        return any_account(connection)
