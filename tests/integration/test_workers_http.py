"""The http and heartbeat runners against real servers on the loopback interface."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Quiet, serving
from tests.unit.workers.doubles import Lines, attempt
from workers.config import WorkerConfig
from workers.runners.heartbeat import HeartbeatRunner
from workers.runners.http import HttpRunner
from workers.runners.interface import Result, StopToken


class Handler(Quiet):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.server.seen.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        path = self.path.partition("?")[0]
        answer = getattr(self, "_" + path.strip("/").replace("-", "_"), self._json)
        answer()

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _json(self) -> None:
        self._send(200, json.dumps({"ok": True, "url": "http://x/1", "rows": 7, "items": [1, 2]}).encode())

    def _text(self) -> None:
        self._send(200, b"hello world", content_type="text/plain; charset=no-such-charset")

    def _teapot(self) -> None:
        self._send(418, b"short and stout")

    def _large(self) -> None:
        self._send(200, b"x" * 5000)

    def _metadata(self) -> None:
        self._send(302, b"", location="http://169.254.169.254/latest/meta-data")

    def _moved(self) -> None:
        self._send(302, b"", location="/json")

    def _loop(self) -> None:
        self._send(302, b"", location="/loop")

    def _silent(self) -> None:
        self.server.asked.set()
        self.server.release.wait(20)
        self._json()

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        try:
            while not self.server.release.wait(0.02):
                self.wfile.write(b"x")
        except OSError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.asked, self.release = threading.Event(), threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as made:
        yield made
        made.release.set()


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    return WorkerConfig(worker_id="w", state_dir=tmp_path, http_body_bytes_max=4096)


@pytest.fixture
def http(config: WorkerConfig) -> Iterator[HttpRunner]:
    made = HttpRunner(config)
    yield made
    made.close()


@pytest.fixture
def heartbeat(config: WorkerConfig) -> Iterator[HeartbeatRunner]:
    made = HeartbeatRunner(config)
    yield made
    made.close()


def ask(runner: Any, url: str, stop: StopToken | None = None, **spec: Any) -> Result:
    more = {name: spec.pop(name) for name in ("outputs", "deadline", "timeout_seconds") if name in spec}
    result = runner.run(attempt(runner.kinds[0], {"url": url, **spec}, **more), Lines(), stop or StopToken())
    assert isinstance(result, Result)
    return result


def test_what_is_sent(http: HttpRunner, server: Server) -> None:
    spec = {
        "method": "POST",
        "query": {"a": [1, 2], "b": "x y"},
        "headers": {"X-Mine": "1"},
        "json": {"rows": [1]},
        "auth": {"bearer": "secret"},
    }
    assert ask(http, server.url("/json"), **spec).state == "succeeded"
    method, path, headers, body = server.seen[0]
    assert (method, path) == ("POST", "/json?a=1&a=2&b=x+y")
    assert json.loads(body) == {"rows": [1]}
    lower = {name.lower(): value for name, value in headers.items()}
    assert (lower["x-mine"], lower["content-type"]) == ("1", "application/json")
    assert lower["authorization"] == "Bearer secret"


def test_forms_bodies_and_basic_auth(http: HttpRunner, server: Server) -> None:
    basic = {"basic": {"username": "u", "password": "p"}}
    ask(http, server.url("/json"), method="POST", form={"a": "1", "b": "ü"}, auth=basic)
    ask(http, server.url("/json"), method="PUT", body="plain")
    assert server.seen[0][3] == b"a=1&b=%C3%BC"
    assert server.seen[0][2]["Authorization"] == "Basic dTpw"
    assert server.seen[1][3] == b"plain"


def test_outputs_are_the_responses_and_members_of_its_body(http: HttpRunner, server: Server) -> None:
    declared = {"status": "integer", "url": "string", "rows": "integer", "json": "object", "headers": "object"}
    result = ask(http, server.url("/json"), outputs=declared)
    assert (result.outputs["status"], result.outputs["url"], result.outputs["rows"]) == (200, "http://x/1", 7)
    assert result.outputs["json"]["items"] == [1, 2]
    assert int(result.outputs["headers"]["content-length"]) > 0
    assert result.outputs["latency_ms"] >= 0
    assert "body" not in result.outputs


def test_an_output_that_the_body_lacks_fails_the_attempt(http: HttpRunner, server: Server) -> None:
    assert ask(http, server.url("/json"), outputs={"nope": "string"}).reason == "invalid_output"
    assert ask(http, server.url("/text"), outputs={"nope": "string"}).reason == "invalid_output"


@pytest.mark.parametrize(
    ("path", "expect", "fine"),
    [
        ("/json", {}, True),
        ("/teapot", {}, False),
        ("/teapot", {"status": [418]}, True),
        ("/json", {"status": [201]}, False),
        ("/json", {"json": "response.json.ok && response.status == 200"}, True),
        ("/json", {"json": "response.json.rows > 7"}, False),
        ("/json", {"json": "response.headers['content-length'] != ''"}, True),
        ("/json", {"json": "response.json.missing == 1"}, False),
        ("/text", {"json": "response.body == 'hello world'"}, True),
        ("/text", {"json": "response.json.ok"}, False),
    ],
)
def test_expectations(http: HttpRunner, server: Server, path: str, expect: dict[str, Any], fine: bool) -> None:
    result = ask(http, server.url(path), expect=expect)
    assert (result.state, result.reason) == (("succeeded", None) if fine else ("failed", "expectation")), result.message


def test_redirects_are_followed_only_if_wanted(http: HttpRunner, server: Server) -> None:
    assert ask(http, server.url("/moved")).state == "succeeded"
    assert ask(http, server.url("/moved"), follow_redirects=False, expect={"status": [302]}).state == "succeeded"
    assert "too many redirects" in ask(http, server.url("/loop")).message


def test_a_redirect_to_a_metadata_address_is_refused(http: HttpRunner, server: Server) -> None:
    result = ask(http, server.url("/metadata"))
    assert (result.state, result.reason) == ("failed", "expectation")
    assert "169.254.169.254" in result.message


def test_private_addresses_are_refused_where_the_worker_says_so(tmp_path: Path, server: Server) -> None:
    runner = HttpRunner(WorkerConfig(worker_id="w", state_dir=tmp_path, deny_private_addresses=True))
    try:
        result = ask(runner, server.url("/json").replace("127.0.0.1", "localhost"))
    finally:
        runner.close()
    assert result.reason == "expectation"
    assert "may not reach" in result.message
    assert server.seen == []


def test_a_body_is_bounded(http: HttpRunner, server: Server) -> None:
    assert "larger than 4096 bytes" in ask(http, server.url("/large")).message


def test_no_server_no_name_no_address(http: HttpRunner, server: Server) -> None:
    assert "no connection" in ask(http, "http://127.0.0.1:1/").message
    assert ask(http, "ftp://127.0.0.1/").reason == "expectation"
    assert ask(http, "http://no-such-host.invalid/").reason == "expectation"
    assert ask(http, "http://127.0.0.1:99999/").reason == "expectation"
    assert ask(http, f"http://{'a' * 70}.invalid/").reason == "expectation"
    assert ask(http, server.url("/json"), headers={"X-Mine": "\u2603"}).reason == "expectation"
    assert ask(http, server.url("/json"), headers={"X-Mine": "a\nb"}).reason == "expectation"


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_the_timeout_ends_a_request(http: HttpRunner, server: Server, path: str) -> None:
    result = ask(http, server.url(path), deadline=time.monotonic() + 0.2, timeout_seconds=0.2)
    assert (result.state, result.reason) == ("failed", "timeout")


def test_a_stop_ends_a_request_that_waits(http: HttpRunner, server: Server) -> None:
    stop = StopToken()

    def stop_when_asked() -> None:
        assert server.asked.wait(10)
        stop.request("cancelled_by_user")

    thread = threading.Thread(target=stop_when_asked)
    thread.start()
    result = ask(http, server.url("/silent"), stop)
    thread.join()
    assert result.state == "cancelled"


def test_a_stop_before_the_request_ends_it_too(http: HttpRunner, server: Server) -> None:
    stop = StopToken()
    stop.request("cancelled_by_user")
    assert ask(http, server.url("/json"), stop).state == "cancelled"
    assert server.seen == []


def test_an_http_task_logs_its_outcome_and_not_its_secrets(http: HttpRunner, server: Server) -> None:
    sink = Lines()
    spec = {"url": server.url("/json?token=secret"), "auth": {"bearer": "secret"}}
    http.run(attempt("http", spec), sink, StopToken())
    ((stream, line),) = sink.lines
    assert stream == "system"
    assert line.startswith("GET 200 OK in ")
    assert "secret" not in line


def test_a_healthy_endpoint(heartbeat: HeartbeatRunner, server: Server) -> None:
    sink = Lines()
    spec = {"url": server.url("/text"), "expect": {"body": "world", "max_latency_seconds": 10}}
    result = heartbeat.run(attempt("heartbeat", spec), sink, StopToken())
    assert (result.state, result.outputs["up"], result.outputs["status"]) == ("succeeded", True, 200)
    assert sink.lines == []


@pytest.mark.parametrize(
    ("path", "expect", "why"),
    [
        ("/teapot", {}, "418"),
        ("/text", {"body": "moon"}, "does not contain"),
        ("/text", {"max_latency_seconds": -1}, "took"),
        ("/text", {"tls_valid_for_seconds": 60}, "no certificate"),
    ],
)
def test_an_unhealthy_endpoint(
    heartbeat: HeartbeatRunner, server: Server, path: str, expect: dict[str, Any], why: str
) -> None:
    result = ask(heartbeat, server.url(path), expect=expect)
    assert (result.state, result.reason, result.outputs["up"]) == ("failed", "expectation", False)
    assert why in result.message


def test_an_endpoint_that_is_not_there_is_down(heartbeat: HeartbeatRunner) -> None:
    result = ask(heartbeat, "http://127.0.0.1:1/")
    assert (result.reason, result.outputs) == ("expectation", {"up": False})
