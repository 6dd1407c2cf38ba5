"""A backfill goes on after `kill -9`, wherever it was: no time is run twice, none is left out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Processes, until
from tests.e2e.test_embedded import Server

HOURS = 72
FILLED = """
name: filled
triggers: {hourly: {cron: "0 * * * *"}}
defaults: {retry: {max_attempts: 5, on: [lost]}}
tasks: {work: {run: sleep 0.02}}
"""
RANGE = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-04T00:00:00Z", "parallel": 4}
KILLED_AFTER = (5, 20, 40)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path, {"CHRONOVERSE_HEARTBEAT_SECONDS": "0.5", "CHRONOVERSE_TTL_SECONDS": "2"}) as started:
        yield started


@pytest.mark.timeout(180)
def test_kill_9_in_the_middle_doubles_nothing_and_leaves_nothing_out(processes: Processes, tmp_path: Path) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "filled.yaml").write_text(FILLED)
    server = Server(processes, folder, "up-0")
    until(lambda: server.get("/workflows")["items"], 20, "the workflow is live")
    made = server.post("/workflows/default/filled/backfills", RANGE)
    for number, decided in enumerate(KILLED_AFTER, start=1):
        _until_made(server, made["id"], decided)
        server.process.kill()
        server = Server(processes, folder, f"up-{number}")
    _until_made(server, made["id"], HOURS)
    until(lambda: server.get(f"/backfills/{made['id']}")["state"] == "finished", 90, "the backfill finishes")

    shown = server.get(f"/backfills/{made['id']}")
    assert (shown["total"], shown["made"], shown["runs"]) == (HOURS, HOURS, {"succeeded": HOURS})
    times = server.get(f"/backfills/{made['id']}/times", limit=200)["items"]
    assert len({time["fire_time"] for time in times}) == len({time["run"] for time in times}) == HOURS
    assert [time["run"] for time in times] == sorted(time["run"] for time in times), "in the order of the clock"
    runs = server.runs("filled", backfill=made["id"], limit=200)
    assert {run["id"] for run in runs} == {time["run"] for time in times}


def _until_made(server: Server, backfill_id: str, number: int) -> None:
    until(lambda: server.get(f"/backfills/{backfill_id}")["made"] >= number, 60, f"{number} runs are made")
