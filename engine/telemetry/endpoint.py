"""`/metrics` and `/health` on an address of their own, for processes that serve no API."""

import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import msgspec

from engine.telemetry.process import EndpointError, Faults
from engine.telemetry.prometheus import exposition

log = logging.getLogger(__name__)

PATH: Final = "/metrics"
JSON: Final = "application/json"
LIVE: Final = "/health/live"
READY: Final = "/health/ready"
SILENCE_SECONDS_MAX: Final = 10.0


class MetricsEndpoint:
    """Serves what the process's instruments show, and whether it is well. Each request has a thread of its own.

    `/health/live` answers while the process does, `/health/ready` with 503 and the reasons while a part is not well.
    """

    def __init__(self, host: str, port: int, faults: Faults = dict) -> None:
        """Take an address; port 0 takes a free one. Nothing is opened before `start`."""
        self._address = (host, port)
        self._faults = faults
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where the numbers are, once it is started."""
        assert self._server is not None
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else host
        return f"http://{shown!s}:{port}{PATH}"

    def start(self) -> None:
        """Listen and serve. Raises `EndpointError`."""
        host, port = self._address
        try:
            self._server = _Server(host, port, self._faults)
        except OSError as error:
            raise EndpointError(
                f"metrics cannot be served on {host}:{port}: {error.strerror or error}\n"
                "  hint: give another CHRONOVERSE_METRICS_ADDRESS, each process its own; port 0 takes a free one"
            ) from error
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        log.info("metrics are served at %s", self.url)

    def stop(self) -> None:
        """Close. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, host: str, port: int, faults: Faults) -> None:
        self.faults = faults
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("a request for metrics from %s failed (%s)", client_address, request)


class _Handler(BaseHTTPRequestHandler):
    server_version = "chronoverse"
    sys_version = ""
    timeout = SILENCE_SECONDS_MAX

    server: "_Server"

    def do_GET(self) -> None:
        found = self._answer(self.path.partition("?")[0])
        if found is None:
            self.send_error(404, explain=f"there is nothing here but {PATH}, {LIVE} and {READY}")
            return
        status, body, media_type = found
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, path: str) -> tuple[int, bytes, str] | None:
        """Return status, body and media type; None for a path that is none."""
        if path == PATH:
            return (200, *exposition(self.headers.get("accept", "")))
        if path == LIVE:
            return 200, msgspec.json.encode({"status": "ok"}), JSON
        if path == READY:
            faults = dict(self.server.faults())
            body = {"status": "not ready" if faults else "ok", "faults": faults}
            return 503 if faults else 200, msgspec.json.encode(body), JSON
        return None

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has above
        log.debug(format, *args)
