"""Git over smart HTTP: `git http-backend` (git-http-backend(1)) behind a small server, with accounts and with bad days.

Every request is kept, so that a test can say what was asked and what was shown to whom.
"""

import base64
import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.services.git import SECONDS_MAX, Repository, ensure, environ, new_repository


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    authorization: str


@dataclass
class GitHttp:
    """The server, and what a test may do to it."""

    root: Path
    port: int = 0
    accounts: dict[str, str] = field(default_factory=dict)
    """Passwords by name; empty lets everybody in."""
    redirect: str = ""
    """Where every request is sent instead."""
    redirect_known: str = ""
    """Where requests with credentials are sent instead."""
    moved: dict[str, str] = field(default_factory=dict)
    """Beginnings of paths that are sent to others."""
    status: int = 0
    """What every request is answered with instead."""
    silent: threading.Event | None = None
    """Requests get no answer until it is set."""
    trickle_seconds: float = 0.0
    """Answers come a byte at a time, with this much time between."""
    cut_bytes: int = 0
    """Answers to POST end after so many bytes."""
    before_post: Callable[[], object] = lambda: None
    """What happens before a POST is answered."""
    shallow: bool = True
    """Whether the server can do without history."""
    requests: list[Request] = field(default_factory=list)

    def reset(self) -> None:
        """Let everybody in again, answer well, and forget what was asked."""
        fresh = GitHttp(self.root, self.port)
        for item in fields(self):
            setattr(self, item.name, getattr(fresh, item.name))

    def new(self, name: str) -> Repository:
        """Make a repository that is served as `url(name)`."""
        return new_repository(self.root / f"{name}.git")

    def url(self, name: str) -> str:
        """Give the URL of a repository."""
        return f"http://127.0.0.1:{self.port}/{name}.git"

    def allows(self, authorization: str) -> bool:
        """Whether the credentials are those of an account."""
        if not self.accounts:
            return True
        kind, _, encoded = authorization.partition(" ")
        name, _, password = base64.b64decode(encoded if kind.lower() == "basic" else "").decode().partition(":")
        return name in self.accounts and self.accounts[name] == password


@contextlib.contextmanager
def serving(root: Path) -> Iterator[GitHttp]:
    """Serve the repositories beneath a directory on loopback.

    Raises:
        ServiceUnavailableError: There is no git, and it cannot be had.
    """
    ensure("git", "git")
    state = GitHttp(root)
    server = handler_of(state)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        if state.silent:
            state.silent.set()
        server.shutdown()
        server.server_close()
        thread.join(SECONDS_MAX)


def handler_of(state: GitHttp) -> ThreadingHTTPServer:
    """Make a server on a port of its own that answers as `state` says; it is started by whoever asked."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.state = state
    return server


class _Server(ThreadingHTTPServer):
    state: GitHttp
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        body = self._body()
        self.server.state.before_post()
        self._answer(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        state = self.server.state
        authorization = self.headers.get("Authorization", "")
        state.requests.append(Request(self.command, self.path, authorization))
        if state.silent is not None:
            state.silent.wait(SECONDS_MAX)
            self.close_connection = True
        elif location := self._elsewhere(authorization):
            self._send(301, {"Location": location}, b"")
        elif state.status:
            self._send(state.status, {}, b"no")
        elif not state.allows(authorization):
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        else:
            self._backend(body)

    def _elsewhere(self, authorization: str) -> str:
        state = self.server.state
        if state.redirect or (authorization and state.redirect_known):
            return (state.redirect or state.redirect_known) + self.path
        found = next((old for old in state.moved if self.path.startswith(old)), None)
        return state.moved[found] + self.path.removeprefix(found) if found else ""

    def _backend(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        more = {
            "GIT_PROJECT_ROOT": str(self.server.state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            env=environ(more),
            timeout=SECONDS_MAX,
            check=False,
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        if not self.server.state.shallow:
            answer = answer.replace(b" shallow ", b" sh_llow ")
        self._send(int(headers.pop("Status", "200").split()[0]), headers, answer)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        state = self.server.state
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if state.cut_bytes and self.command == "POST":
            self.wfile.write(body[: state.cut_bytes])
            self.close_connection = True
        elif state.trickle_seconds:
            self._trickle(body, state.trickle_seconds)
        else:
            self.wfile.write(body)

    def _trickle(self, body: bytes, seconds: float) -> None:
        pause = threading.Event()
        for place in range(len(body)):
            self.wfile.write(body[place : place + 1])
            pause.wait(seconds)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)
