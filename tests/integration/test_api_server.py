"""The API over a real socket: streams that go on, stops that end them, and requests at once."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from api.dependencies import Dependencies
from api.server import ApiServer, ServerError
from engine.store.audit import AuditFilter, list_audit
from tests.contract.sync.world import MemorySource, World
from tests.stack import Stack

GATED = """
name: gated
inputs: {gate: {type: string}}
tasks:
  say:
    run: |
      echo first
      while [ ! -e "$GATE" ]; do sleep 0.02; done
      echo second
    env: {GATE: "${{ inputs.gate }}"}
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as stack:
        world = World(stack.database)
        world.source = MemorySource(name="folder")
        world.sync(gated=GATED)
        yield stack


@pytest.fixture
def server(stack: Stack) -> Iterator[ApiServer]:
    server = ApiServer(Dependencies(database=stack.database, broker=stack.broker), host="127.0.0.1", port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def api(server: ApiServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, timeout=30) as client:
        yield client


def trigger(api: httpx.Client, gate: Path, **headers: str) -> httpx.Response:
    body = {"inputs": {"gate": str(gate)}}
    return api.post("/workflows/default/gated/runs", json=body, headers=headers)


def test_a_stream_brings_lines_while_the_task_runs_and_ends_with_it(api: httpx.Client, tmp_path: Path) -> None:
    run_id = trigger(api, tmp_path / "gate").json()["id"]
    with api.stream("GET", f"/runs/{run_id}/logs/stream") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        seen: list[str] = []
        for line in response.iter_lines():
            if not line.startswith("data: ["):
                continue
            seen += [entry["text"] for entry in json.loads(line.removeprefix("data: "))]
            (tmp_path / "gate").touch()
    assert seen == ["first", "second"]
    assert api.get(f"/runs/{run_id}").json()["state"] == "succeeded"


def test_stopping_the_server_ends_streams(api: httpx.Client, server: ApiServer, tmp_path: Path) -> None:
    run_id = trigger(api, tmp_path / "gate").json()["id"]
    with api.stream("GET", f"/runs/{run_id}/logs/stream") as response:
        lines = response.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: lines"
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        rest = list(lines)
        stopper.join(10)
    assert not stopper.is_alive()
    assert "event: end" not in rest
    (tmp_path / "gate").touch()


def test_many_requests_under_one_key_make_one_run(api: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    key = {"Idempotency-Key": "one"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: trigger(api, tmp_path / "gate", **key), range(24)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(api.get("/runs").json()["items"]) == 1


def test_followers_do_not_keep_others_from_being_answered(api: httpx.Client, tmp_path: Path) -> None:
    run_id = trigger(api, tmp_path / "gate").json()["id"]
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(base_url=api.base_url, trust_env=False, timeout=30, limits=limits) as followers:
        streams = [followers.stream("GET", f"/runs/{run_id}/logs/stream") for _ in range(40)]
        for stream in streams:
            stream.__enter__()
        assert api.get(f"/runs/{run_id}").status_code == 200
        (tmp_path / "gate").touch()
        for stream in streams:
            stream.__exit__(None, None, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_any_address_but_loopback_is_refused(stack: Stack, host: str) -> None:
    with pytest.raises(ServerError, match="there is no account"):
        ApiServer(Dependencies(database=stack.database, broker=stack.broker), host=host, port=0)


def test_an_address_that_is_taken_is_refused_with_a_hint(stack: Stack, server: ApiServer) -> None:
    port = int(server.url.rpartition(":")[2])
    second = ApiServer(Dependencies(database=stack.database, broker=stack.broker), host="127.0.0.1", port=port)
    with pytest.raises(ServerError, match="--port 0"):
        second.start()


def test_the_server_prints_nothing(api: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    assert api.get("/runs").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_stopping_the_server_writes_the_audit_log_first(stack: Stack) -> None:
    given = Dependencies(database=stack.database, broker=stack.broker, audit_linger_seconds=0.5)
    server = ApiServer(given, host="127.0.0.1", port=0)
    server.start()
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False) as client:
        assert client.post("/workflows/default/gated/pause", json={}).status_code == 200
    assert _audited(stack) == []
    server.stop()
    assert _audited(stack) == ["pauseWorkflow"]


def _audited(stack: Stack) -> list[str]:
    with stack.database.read() as connection:
        return [row.operation for row in list_audit(connection, AuditFilter(), before=None, limit=10)]
