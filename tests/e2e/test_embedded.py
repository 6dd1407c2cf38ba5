"""`chronoverse up` as a new user has it: save a file, break it, kill the process in the middle, start again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.processes import Process, Processes, until

OFTEN = """
name: often
triggers: {tick: {every: 1s}}
tasks: {greet: {run: echo hello}}
"""
THREE = """
name: three
defaults: {retry: {max_attempts: 3, on: [lost]}}
env: {LEDGER: "%s"}
tasks:
  first: {run: 'echo first >> "$LEDGER"'}
  second:
    needs: [first]
    run: |
      echo second >> "$LEDGER"
      [ "$CHRONOVERSE_ATTEMPT" -gt 1 ] || exec sleep 300
  third: {needs: [second], run: 'echo third >> "$LEDGER"'}
"""


class Server:
    """One `chronoverse up` on a free port, and its API."""

    def __init__(self, processes: Processes, folder: Path, name: str) -> None:
        self.process: Process = processes.start(name, "up", "--port", "0", "--workflows", str(folder))
        greeting = until(self._greeting, 30, "chronoverse up greets")
        self._base = f"{greeting}/api/v1"

    def _greeting(self) -> str:
        lines = [line for line in self.process.said().splitlines() if line.startswith("chronoverse is up: ")]
        return lines[0].removeprefix("chronoverse is up: ") if lines else ""

    def get(self, path: str, **parameters: Any) -> Any:
        answer = httpx.get(self._base + path, params=parameters, timeout=10)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = httpx.post(self._base + path, json=body, timeout=10)
        assert answer.is_success, answer.text
        return answer.json()

    def runs(self, workflow: str, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/runs", workflow=f"default/{workflow}", **parameters)["items"]
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "workflows"
    made.mkdir()
    return made


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path, {"CHRONOVERSE_HEARTBEAT_SECONDS": "0.5", "CHRONOVERSE_TTL_SECONDS": "2"}) as started:
        yield started


def test_a_saved_file_runs_and_a_broken_one_leaves_the_last_good_one_running(
    processes: Processes, folder: Path
) -> None:
    server = Server(processes, folder, "up")
    (folder / "often.yaml").write_text(OFTEN)
    until(lambda: server.get("/workflows")["items"], 10, "the workflow is live")
    until(lambda: server.runs("often", state="succeeded"), 20, "a run of the saved file succeeds")

    (folder / "often.yaml").write_text(OFTEN.replace("run: echo", "rnu: echo"))
    source = until(lambda: _faulty(server), 10, "the source says what is wrong")
    (fault,) = source["diagnostics"]
    assert (fault["line"], fault["file"]) == (4, "often.yaml")
    until(lambda: "error[E0" in server.process.said(), 10, "the terminal says so too")

    before = len(server.runs("often"))
    until(lambda: len(server.runs("often")) > before + 1, 10, "the last good revision keeps running")
    assert server.process.interrupt() == 0


def _faulty(server: Server) -> dict[str, Any] | None:
    found: dict[str, Any] = server.get("/sources/workflows")
    return found if found["diagnostics"] else None


def test_after_kill_9_in_the_middle_of_a_run_the_next_start_ends_it(
    processes: Processes, folder: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    (folder / "three.yaml").write_text(THREE % ledger)
    server = Server(processes, folder, "up-1")
    until(lambda: server.get("/workflows")["items"], 10, "the workflow is live")
    run = server.post("/workflows/default/three/runs", {"inputs": {}})
    until(lambda: ledger.exists() and "second" in ledger.read_text(), 20, "the second task runs")
    server.process.kill()

    server = Server(processes, folder, "up-2")
    ended = until(lambda: _ended(server, run["id"]), 40, "the run ends after the restart")
    assert ended["state"] == "succeeded"
    tasks = {task["task"]: task for task in ended["tasks"]}
    assert [attempt["reason"] for attempt in tasks["second"]["attempts"]] == ["lost", None]
    assert ledger.read_text().split() == ["first", "second", "second", "third"]


def _ended(server: Server, run_id: str) -> dict[str, Any] | None:
    run: dict[str, Any] = server.get(f"/runs/{run_id}")
    return run if run["finished_at"] else None


def test_ctrl_c_stops_what_runs_and_the_next_start_goes_on(processes: Processes, folder: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    (folder / "three.yaml").write_text(THREE % ledger)
    server = Server(processes, folder, "up-1")
    until(lambda: server.get("/workflows")["items"], 10, "the workflow is live")
    run = server.post("/workflows/default/three/runs", {"inputs": {}})
    until(lambda: ledger.exists() and "second" in ledger.read_text(), 20, "the second task runs")
    assert server.process.interrupt(seconds=30) == 0

    server = Server(processes, folder, "up-2")
    ended = until(lambda: _ended(server, run["id"]), 40, "the run ends after the restart")
    assert ended["state"] == "succeeded"


def test_a_second_process_on_the_same_state_is_refused(processes: Processes, folder: Path) -> None:
    Server(processes, folder, "up-1")
    second = processes.start("up-2", "up", "--port", "0", "--workflows", str(folder))
    assert second.popen.wait(20) == 1
    assert "already runs on" in second.said()
    assert "hint:" in second.said()


def test_removing_many_files_at_once_waits_for_a_person(processes: Processes, folder: Path) -> None:
    for number in range(30):
        (folder / f"w{number}.yaml").write_text(f"name: w{number}\ntasks: {{a: {{set: {{x: 1}}}}}}\n")
    server = Server(processes, folder, "up")
    until(lambda: len(server.get("/workflows")["items"]) == 30, 20, "all are live")
    for number in range(20):
        (folder / f"w{number}.yaml").unlink()
    until(lambda: _condition(server)["reason"] == "removal_waits", 20, "the removal waits")
    assert len(server.get("/workflows")["items"]) == 30
    server.post("/sources/workflows/approve-removals", None)
    until(lambda: len(server.get("/workflows")["items"]) == 10, 20, "they go once somebody agrees")


def _condition(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/sources/workflows")["conditions"]["applied"]
    return found
