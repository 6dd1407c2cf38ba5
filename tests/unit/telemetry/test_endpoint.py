"""Numbers on an address of their own."""

import sys
from collections.abc import Iterator
from subprocess import run

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.settings import Settings
from engine.telemetry.endpoint import MetricsEndpoint
from engine.telemetry.process import EndpointError, exporting


@pytest.fixture
def endpoint() -> Iterator[MetricsEndpoint]:
    endpoint = MetricsEndpoint("127.0.0.1", 0)
    endpoint.start()
    yield endpoint
    endpoint.stop()


def get(url: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.get(url)


def test_it_serves_the_numbers_and_nothing_else(endpoint: MetricsEndpoint) -> None:
    answer = get(endpoint.url)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert {family.name for family in text_string_to_metric_families(answer.text)} >= {"chronoverse_run_wait_seconds"}
    assert get(endpoint.url.replace("/metrics", "/secrets")).status_code == 404
    assert get(f"{endpoint.url}?x=1").status_code == 200


def test_it_says_whether_the_process_is_well() -> None:
    faults = {"executor": "the database is away"}
    endpoint = MetricsEndpoint("127.0.0.1", 0, lambda: faults)
    endpoint.start()
    try:
        base = endpoint.url.removesuffix("/metrics")
        assert get(f"{base}/health/live").json() == {"status": "ok"}
        unwell = get(f"{base}/health/ready")
        assert (unwell.status_code, unwell.json()) == (503, {"status": "not ready", "faults": faults})
        faults.clear()
        assert (get(f"{base}/health/ready").status_code, endpoint.url.count("/")) == (200, 3)
    finally:
        endpoint.stop()


def test_a_process_that_is_starting_is_not_ready() -> None:
    with exporting(Settings.read({}), "engine") as health:
        assert health.faults() == {"process": "it is starting"}
        health.watch(dict)
        assert health.faults() == {}


def test_it_stops_twice(endpoint: MetricsEndpoint) -> None:
    url = endpoint.url
    endpoint.stop()
    endpoint.stop()
    with pytest.raises(httpx.ConnectError):
        get(url)


def test_an_address_that_is_taken_is_said_with_a_remedy(endpoint: MetricsEndpoint) -> None:
    port = httpx.URL(endpoint.url).port
    settings = Settings.read({"CHRONOVERSE_METRICS_ADDRESS": str(port)})
    remedy = rf"127.0.0.1:{port}: (.|\n)*hint: .*CHRONOVERSE_METRICS_ADDRESS"
    with pytest.raises(EndpointError, match=remedy), exporting(settings, ""):
        pytest.fail("it cannot be served")


def test_what_is_switched_off_is_not_loaded() -> None:
    script = (
        "import sys; from engine.settings import Settings; from engine.telemetry.process import exporting\n"
        "import engine.telemetry.instruments, engine.telemetry.prometheus, workers.telemetry\n"
        "with exporting(Settings.read({}), ''): pass\n"
        "heavy = ('opentelemetry', 'prometheus_client', 'http.server', 'google')\n"
        "print(', '.join(name for name in heavy if name in sys.modules))\n"
    )
    found = run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "\n"
