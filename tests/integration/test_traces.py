"""A trace's whole way, told to an OTLP receiver: caller, API, engine, worker, task."""

import json
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import httpx
import pytest

from api.dependencies import Dependencies
from api.server import ApiServer
from dsl.loader import load_text
from engine.broker import connect
from engine.settings import Settings
from engine.telemetry import spans
from engine.telemetry.context import parse
from engine.telemetry.process import exporting
from tests.collector import Collector
from tests.contract.sync.world import MemorySource, World
from tests.serving import Quiet, serving
from tests.stack import Stack

CALLER, CALLERS_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OUTER = """
name: outer
inputs: {url: {type: string}}
tasks:
  say:
    run: |
      echo "parent=$TRACEPARENT" >> "$CHRONOVERSE_OUTPUT"
      echo "state=${TRACESTATE:-}" >> "$CHRONOVERSE_OUTPUT"
    outputs: {parent: string, state: string}
  call: {needs: [say], http: {url: "${{ inputs.url }}"}}
  child: {needs: [say], workflow: {name: inner}}
  pause: {needs: [say], wait: 1ms}
"""
INNER = (
    "name: inner\ntasks:\n  compute: {set: {one: 1}}\n  fail: {needs: [compute], run: exit 3, allow_failure: true}\n"
)

CONTAINER = """
name: boxed
tasks:
  say:
    container: {image: "%s"}
    shell: sh
    run: echo "parent=$TRACEPARENT" >> "$CHRONOVERSE_OUTPUT"
    outputs: {parent: string}
"""


class Target(HTTPServer):
    """What the `http` task calls; keeps the headers that came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(Quiet):
    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))
        self.send_response(204)
        self.end_headers()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        yield collector


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    brokers = None
    if request.param == "rabbitmq":
        url = request.getfixturevalue("rabbitmq_url")
        brokers = [connect(url, name=name) for name in ("engine", "worker", "worker-logs")]
    with Stack(tmp_path, brokers=brokers) as stack:
        world = World(stack.database)
        world.source = MemorySource(name="folder")
        world.sync(outer=OUTER, inner=INNER)
        yield stack


def run_outer(stack: Stack, url: str, **headers: str) -> str:
    """Trigger the workflow over the API, and wait for the end of its run; return its id."""
    server = ApiServer(Dependencies(database=stack.database, broker=stack.broker), host="127.0.0.1", port=0)
    server.start()
    try:
        with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, headers=headers, timeout=30) as api:
            made = api.post("/workflows/default/outer/runs", json={"inputs": {"url": url}})
            made.raise_for_status()
            run_id = made.json()["id"]
            trace_id = api.get(f"/runs/{run_id}").json()["trace_id"]
    finally:
        server.stop()
    assert stack.wait([run_id]) == ["succeeded"]
    caller = parse(headers)
    assert trace_id == (spans.of_run(run_id, {}) if caller is None else caller).trace_id
    return run_id


def outputs(stack: Stack, run_id: str, task: str) -> dict[str, str]:
    with stack.database.read() as connection:
        query = "SELECT outputs FROM task_runs WHERE run_id = ? AND task = ?"
        [(text,)] = connection.exec_driver_sql(query, (run_id, task)).all()
    return json.loads(text)


def test_one_trace_from_the_caller_into_the_tasks(stack: Stack, collector: Collector) -> None:
    with serving(Target()) as target, exporting(Settings.read({}), "test"):
        given = {"traceparent": f"00-{CALLER}-{CALLERS_SPAN}-01", "tracestate": "vendor=x"}
        run_id = run_outer(stack, target.url, **given)
        collector.wait(lambda it: any(span.name == "run default/outer" for span in it.spans))
        stack.worker.stop()
        assert stack.worker.join(30)

    found = {span.name: span for span in collector.spans}
    assert len(found) == len(collector.spans), "each is told once"
    below = {
        name: next((n for n, s in found.items() if s.span_id == span.parent_id), "") for name, span in found.items()
    }
    request = "POST /api/v1/workflows/{namespace}/{name}/runs"
    assert below == {
        request: "",
        "GET /api/v1/runs/{run_id}": "",
        "run default/outer": request,
        "task say": "run default/outer",
        "attempt say": "task say",
        "task call": "run default/outer",
        "attempt call": "task call",
        "task pause": "run default/outer",
        "task child": "run default/outer",
        "attempt child": "task child",
        "run default/inner": "attempt child",
        "task compute": "run default/inner",
        "task fail": "run default/inner",
        "attempt fail": "task fail",
    }
    assert {span.trace_id for span in collector.spans} == {CALLER}
    assert found[request].parent_id == CALLERS_SPAN
    assert {span.service for span in collector.spans} == {"chronoverse-test"}

    say, call, fail = found["attempt say"], found["attempt call"], found["attempt fail"]
    assert outputs(stack, run_id, "say") == {"parent": f"00-{CALLER}-{say.span_id}-01", "state": "vendor=x"}
    [headers] = target.seen
    assert (headers["traceparent"], headers["tracestate"]) == (f"00-{CALLER}-{call.span_id}-01", "vendor=x")
    assert fail.fault == "the script ended with exit code 3"
    assert fail.attributes["process.exit.code"] == 3
    assert found["run default/outer"].fault is None
    assert found["run default/outer"].attributes["chronoverse.run.id"] == run_id
    assert 0 < say.seconds < found["run default/outer"].seconds
    assert collector.headers[0]["x-tenant"] == "blue"
    assert all(each["deployment.environment.name"] == "test" for each in collector.resources)

    ended = {
        {pair.key: pair.value.string_value for pair in point.attributes}["chronoverse.run.state"]: point
        for point in collector.metrics["chronoverse.run.duration"].histogram.data_points
    }
    assert ended["succeeded"].count == 2
    assert collector.metrics["chronoverse.run.duration"].unit == "s"


def test_what_the_caller_does_not_sample_is_not_told_and_handed_on_so(stack: Stack, collector: Collector) -> None:
    with serving(Target()) as target, exporting(Settings.read({}), "test"):
        run_outer(
            stack,
            target.url,
            traceparent=f"00-{CALLER}-{CALLERS_SPAN}-00",
        )
    assert collector.spans == []
    assert target.seen[0]["traceparent"].startswith(f"00-{CALLER}-")
    assert target.seen[0]["traceparent"].endswith("-00")


def test_a_container_finds_the_context_of_its_attempt(tmp_path: Path, docker_url: str, docker_image: str) -> None:
    with Stack(tmp_path, docker_url=docker_url, docker_network="none") as stack:
        loaded = load_text(CONTAINER % docker_image, "boxed.yaml")
        (run_id,) = stack.submit(loaded.workflows[0].workflow)
        assert stack.wait([run_id]) == ["succeeded"]
        expected = spans.of_attempt(f"{run_id}-0:1", {}).carrier()["traceparent"]
        assert outputs(stack, run_id, "say") == {"parent": expected}


def test_without_a_collector_a_task_has_its_context_all_the_same(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        world = World(stack.database)
        world.source = MemorySource(name="folder")
        world.sync(outer=OUTER.replace("child:", "other:"), inner=INNER)
        with serving(Target()) as target:
            run_id = run_outer(stack, target.url)
        expected = spans.of_attempt(f"{run_id}-0:1", {}).carrier()["traceparent"]
        assert outputs(stack, run_id, "say") == {"parent": expected, "state": ""}
