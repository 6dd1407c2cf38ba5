"""A role of its own says what it does: numbers on an address of its own, its log as JSON."""

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.telemetry.logs import FIELDS
from tests.e2e.processes import Process, Processes, until

TELLS = {"CHRONOVERSE_METRICS_ADDRESS": "127.0.0.1:0", "CHRONOVERSE_LOG_FORMAT": "json"}


def records(process: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.said().splitlines() if line.startswith("{")]


def address(process: Process) -> str:
    """The address of its numbers, by its log."""
    said = [record["message"] for record in records(process)]
    return next((text.rpartition(" ")[2] for text in said if text.startswith("metrics are served at ")), "")


@pytest.mark.rabbitmq
def test_a_worker_without_an_api_serves_its_numbers(tmp_path: Path, rabbitmq_url: str) -> None:
    with Processes(tmp_path, {"CHRONOVERSE_BROKER_URL": rabbitmq_url, **TELLS}) as processes:
        worker = processes.start("worker", "worker", "--slots", "3")
        url = until(lambda: address(worker), 30, "the worker says where its numbers are")
        with httpx.Client(trust_env=False) as client:
            body = client.get(url).text
        found = {
            sample.name: sample.value for family in text_string_to_metric_families(body) for sample in family.samples
        }
        assert found["chronoverse_worker_slots"] == 3
        assert found["chronoverse_broker_connected"] == 1
        assert found["process_memory_usage_bytes"] > 1 << 20
        assert "chronoverse_run_open" not in found
        assert worker.interrupt() == 0
    assert all(record.keys() <= FIELDS.keys() for record in records(worker))


def test_an_address_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        with Processes(tmp_path, {"CHRONOVERSE_METRICS_ADDRESS": at}) as processes:
            server = processes.start("up", "up", "--port", "0")
            assert server.popen.wait(60) == 1
    assert f"metrics cannot be served on {at}" in server.said()
    assert "hint: " in server.said()
    assert "Traceback" not in server.said()
