"""`/metrics` on an address of its own, for processes that serve no API."""

import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from engine.telemetry.process import EndpointError
from engine.telemetry.prometheus import exposition

log = logging.getLogger(__name__)

PATH: Final = "/metrics"
SILENCE_SECONDS_MAX: Final = 10.0


class MetricsEndpoint:
    """Serves what the process's instruments show. A request at a time is answered by a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        """Take an address; port 0 takes a free one. Nothing is opened before `start`."""
        self._address = (host, port)
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
            self._server = _Server(host, port)
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
    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("a request for metrics from %s failed (%s)", client_address, request)


class _Handler(BaseHTTPRequestHandler):
    server_version = "chronoverse"
    sys_version = ""
    timeout = SILENCE_SECONDS_MAX

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(404, explain=f"there is nothing here but {PATH}")
            return
        body, media_type = exposition(self.headers.get("accept", ""))
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has above
        log.debug(format, *args)
