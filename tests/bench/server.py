"""The whole of `chronoverse up`: latency, start-up, idling, live edits, validation, cron lateness, kill -9."""

import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.bench.measure import Measure, percentile
from tests.e2e.processes import COMMAND, until

ONE = "name: one\ntasks:\n  a: {run: 'true'}\n"
OFTEN = "name: often\ntriggers: {t: {every: 1s}}\ntasks:\n  a: {run: 'true'}\n"
SIXTY = """name: {name}
description: A workflow of sixty lines, as people write them.
labels: {{team: data, tier: gold}}
inputs:
  day: {{type: date, description: Day to report on, default: "2026-01-01"}}
  region: {{type: string, enum: [eu, us], default: eu}}
  limit: {{type: integer, default: {number}}}
triggers:
  nightly:
    cron: "{minute} 2 * * *"
    timezone: Europe/Berlin
    catchup: latest
env:
  REGION: ${{{{ inputs.region }}}}
  LOG_LEVEL: info
concurrency:
  limit: 1
  overlap: queue
tasks:
  extract:
    run: |
      python extract.py --day "$DAY" > rows.csv
      echo "rows=$(wc -l < rows.csv)" >> "$CHRONOVERSE_OUTPUT"
    env:
      DAY: ${{{{ inputs.day }}}}
    outputs:
      rows: integer
    retry:
      max_attempts: 5
      backoff: exponential
      delay: 2s
      max_delay: 1m
      jitter: true
    timeout: 20m
  check{number}:
    needs: [extract]
    if: tasks.extract.outputs.rows > {number}
    set:
      share: ${{{{ double(tasks.extract.outputs.rows) / {number}.5 }}}}
    outputs:
      share: number
  load:
    needs: [extract]
    run: |
      ./load.sh "$ROWS"
    env:
      ROWS: ${{{{ tasks.extract.outputs.rows }}}}
    timeout: 10m
  publish:
    needs: [load]
    http:
      method: POST
      url: https://reports.example.org/api
      json:
        rows: ${{{{ tasks.extract.outputs.rows }}}}
        region: ${{{{ inputs.region }}}}
      expect:
        status: [200, 201]
outputs:
  rows: ${{{{ tasks.extract.outputs.rows }}}}
"""


class Up:
    """A running `chronoverse up` in a directory of its own."""

    def __init__(self, directory: Path, **environ: str) -> None:
        self.directory = directory
        self.folder = directory / "workflows"
        self.folder.mkdir(exist_ok=True)
        self.log = directory / "log"
        with self.log.open("w") as out:
            command = [*COMMAND, "up", "--port", "0"]
            self.process = subprocess.Popen(
                command, cwd=directory, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **environ}
            )
        self.url = until(self._url, 30, "it greets")
        self.client = httpx.Client(base_url=f"{self.url}/api/v1", timeout=10)

    def _url(self) -> str:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("chronoverse is up: ")]
        return lines[0].removeprefix("chronoverse is up: ") if lines else ""

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.client.get(path, params=parameters)
        return answer.json() if answer.is_success else {"items": []}

    def wait_live(self) -> None:
        until(lambda: self.get("/workflows")["items"], 20, "a workflow is live")

    def end_of(self, run_id: str) -> dict[str, Any]:
        found = until(lambda: _ended(self, run_id), 20, "the run ends")
        assert found is not None
        return found

    def close(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@contextmanager
def up(**environ: str) -> Iterator[Up]:
    with tempfile.TemporaryDirectory() as directory:
        server = Up(Path(directory), **environ)
        try:
            yield server
        finally:
            server.close()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _latencies() -> list[float]:
    """Milliseconds from the POST's begin to the attempt's start, idle."""
    with up() as server:
        (server.folder / "one.yaml").write_text(ONE)
        until(lambda: server.get("/workflows")["items"], 20, "it is live")
        found = []
        for _ in range(60):
            begun = time.time()
            run = server.client.post("/workflows/default/one/runs", json={"inputs": {}}).json()
            ended = server.end_of(run["id"])
            found.append((moment(ended["tasks"][0]["started_at"]).timestamp() - begun) * 1000)
        return found[10:]


def _ended(server: Up, run_id: str) -> dict[str, Any] | None:
    run: dict[str, Any] = server.get(f"/runs/{run_id}")
    return run if run.get("finished_at") else None


def _start_up() -> Sequence[float]:
    """Seconds from the command to the end of the first run."""
    found = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory) / "workflows"
            folder.mkdir()
            (folder / "often.yaml").write_text(OFTEN.replace("1s", "1h"))
            begun = time.time()
            server = Up(Path(directory))
            server.wait_live()
            run = server.client.post("/workflows/default/often/runs", json={"inputs": {}}).json()
            ended = server.end_of(run["id"])
            found.append(moment(ended["finished_at"]).timestamp() - begun)
            server.close()
    return found


def _idle() -> tuple[float, float]:
    """Resident megabytes and percent of a core, over ten seconds after ten of rest."""
    with up() as server:
        (server.folder / "one.yaml").write_text(ONE)
        until(lambda: server.get("/workflows")["items"], 20, "it is live")
        processes = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
        time.sleep(10)
        before, begun = sum(_cpu(one) for one in processes), time.perf_counter()
        time.sleep(10)
        share = (sum(_cpu(one) for one in processes) - before) / (time.perf_counter() - begun) * 100
        return sum(one.memory_info().rss for one in processes) / 1e6, share


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _live_edit() -> Sequence[float]:
    """Milliseconds from a save to the new revision."""
    with up() as server:
        path = server.folder / "one.yaml"
        path.write_text(ONE)
        until(lambda: server.get("/workflows")["items"], 20, "it is live")
        found = []
        for number in range(10):
            time.sleep(0.6)
            saved = time.time()
            path.write_text(ONE + f"  b{number}: {{run: 'true'}}\n")
            wanted = number + 2
            revision = until(lambda: _revision(server, wanted), 10, "the revision is live")  # noqa: B023
            found.append((moment(revision["created_at"]).timestamp() - saved) * 1000)
        return found


def _revision(server: Up, number: int) -> dict[str, Any] | None:
    items = server.get("/workflows/default/one/revisions")["items"]
    return next((item for item in items if item["number"] == number), None)


def _validate() -> Sequence[float]:
    with tempfile.TemporaryDirectory() as directory:
        for number in range(1000):
            text = SIXTY.format(name=f"w{number}", number=number, minute=number % 60)
            (Path(directory) / f"w{number}.yaml").write_text(text)
        found = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run([*COMMAND, "validate", directory], check=True, capture_output=True)
            found.append(time.perf_counter() - begun)
        return found


def _lateness() -> Sequence[float]:
    """Milliseconds from the nominal time to the run's creation, 1,000 triggers due in one second."""
    with up() as server:
        text = "name: w{n}\ntriggers: {{t: {{cron: '*/20 * * * * *'}}}}\ntasks:\n  a: {{set: {{x: 1}}}}\n"
        for number in range(1000):
            (server.folder / f"w{number}.yaml").write_text(text.format(n=number))
        until(lambda: server.get("/workflows/default/w999").get("name"), 60, "all are live")
        live_at = time.time()
        time.sleep(45)
        return _fired(server.directory / ".chronoverse" / "chronoverse.db", live_at, time.time() - 3)


def _fired(database: Path, after: float, until_: float) -> list[float]:
    """Return how late each run was whose nominal time lies between; nothing was missed, nothing doubled."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT f.fire_time, r.created_at FROM firings f LEFT JOIN runs r ON r.id = f.run_id"
        rows = connection.execute(f"{query} WHERE f.fire_time BETWEEN ? AND ?", (after * 1e6, until_ * 1e6)).fetchall()
        runs, firings = (
            connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("runs", "firings")
        )
    assert rows, "nothing fired"
    assert runs == firings, "a firing was doubled"
    nominals = Counter(nominal for nominal, _ in rows)
    assert set(nominals.values()) == {1000}, f"a firing was missed: {nominals}"
    return [(created_at - nominal) / 1000 for nominal, created_at in rows]


def measures() -> list[Measure]:
    """Return the measures of this module."""
    latencies: list[float] = []
    idle: list[float] = []
    late: list[float] = []

    def once(store: list[float], fill: Any) -> list[float]:
        if not store:
            store.extend(fill())
        return store

    return [
        Measure("API trigger to task start, idle, p50", "ms", 10, lambda: once(latencies, _latencies)),
        Measure(
            "API trigger to task start, idle, p99", "ms", 30, lambda: [percentile(once(latencies, _latencies), 0.99)]
        ),
        Measure("cron lateness, 1,000 due in one second, p50", "ms", None, lambda: once(late, _lateness)),
        Measure(
            "cron lateness, 1,000 due in one second, p99", "ms", 1000, lambda: [percentile(once(late, _lateness), 0.99)]
        ),
        Measure("validate 1,000 files of 60 lines, cold", "s", 2.5, _validate),
        Measure("a one-file change live after the save", "ms", 200, _live_edit),
        Measure("`chronoverse up` to first run done", "s", 1.5, _start_up),
        Measure("idle memory, embedded", "MB RSS", 100, lambda: [once(idle, _idle)[0]]),
        Measure("idle CPU, embedded", "% of a core", 0.5, lambda: [once(idle, _idle)[1]]),
    ]
