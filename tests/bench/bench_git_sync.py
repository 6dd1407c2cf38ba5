"""What git sync costs: `python -m tests.bench.bench_git_sync [FILES]`, over HTTP on loopback; 10,000 files.

A cold sync (fetch, trees, load, apply), a poll without news, one file changed: the fetch, and from the end of the fetch
to live. SQLite in a temporary directory.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median

from cli.collector import settle
from engine.clock import new_id
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.store.database import Database
from engine.store.schema import migrate
from engine.sync.git.config import GitConfig
from engine.sync.git.source import GitSource
from engine.sync.reconcile import Reconciler
from tests.bench.measure import Measure
from tests.services.git import Repository
from tests.services.git_http import serving

FILES = 10_000
FOLDERS = 100
ROUNDS = 5
COLD_FETCH, COLD_LOAD = "cold: fetch and trees", "cold: load, plan, apply"
POLL, ONE_FETCH, ONE_LIVE = "poll without news", "one file: fetch and trees", "one file: fetched to live"
MEMORY = "most memory of this process"
FLOW = (
    "name: {name}\ntriggers:\n  nightly: {{cron: '0 2 * * *'}}\n"
    "tasks:\n  a: {{run: echo {word}}}\n  b: {{run: echo b, needs: [a]}}\n"
)


class Bench:
    """A repository of many workflows, and a server that syncs it."""

    def __init__(self, repository: Repository, url: str, directory: Path, files: int) -> None:
        self.repository = repository
        self.files = files
        self.source = GitSource(GitConfig(name="bench", url=url), directory / "state")
        self.database = Database.open(f"sqlite:///{directory / 'bench.db'}")
        migrate(self.database)
        settle = Firings(RevisionCache(self.database), new_id).settle
        self.reconciler = Reconciler(self.database, self.source, settle=settle, ids=new_id, now=self.database.now)
        self.seconds: dict[str, list[float]] = {}

    def run(self) -> None:
        """Take every measure."""
        self.repository.commit({self.path(number): self.text(number, "a") for number in range(self.files)})
        with self.timed(COLD_FETCH):
            self.source.fetch()
        with self.timed(COLD_LOAD):
            self.reconciler.reconcile()
        settle()  # as a server does when it has loaded many files
        for number in range(ROUNDS):
            self.source.nudge()
            with self.timed(POLL):
                self.source.fetch()
            with self.timed("look without news"):
                self.reconciler.reconcile()
            self.repository.commit({self.path(number): self.text(number, f"new-{number}")})
            self.source.nudge()
            with self.timed(ONE_FETCH):
                self.source.fetch()
            with self.timed(ONE_LIVE):
                outcome = self.reconciler.reconcile()
            assert len(outcome.plan.changed) == 1

    def path(self, number: int) -> str:
        return f"team-{number % FOLDERS:02}/flow-{number:05}.yaml"

    def text(self, number: int, word: str) -> str:
        return FLOW.format(name=f"flow-{number:05}", word=word)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds.setdefault(step, []).append(time.perf_counter() - begin)


def run(files: int) -> dict[str, list[float]]:
    """Take every measure of that many files: seconds by step, and the most memory that this process had, in MB."""
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory) / "served") as server:
        bench = Bench(server.new("bench"), server.url("bench"), Path(directory), files)
        bench.run()
        bench.source.close()
        bench.database.close()
    return {**bench.seconds, MEMORY: [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]}


@cache
def _measured() -> dict[str, list[float]]:
    """Measure in a process of its own: what others had in memory is not ours."""
    command = [sys.executable, "-m", __name__, str(FILES), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    return dict(json.loads(done.stdout))


def _cold() -> Sequence[float]:
    found = _measured()
    return [fetch + load for fetch, load in zip(found[COLD_FETCH], found[COLD_LOAD], strict=True)]


def _milliseconds(step: str) -> Sequence[float]:
    return [seconds * 1000 for seconds in _measured()[step]]


def measures() -> list[Measure]:
    """Return the figures of this bench."""
    return [
        Measure("git sync of 10,000 files, cold", "s", 30, _cold),
        Measure("git sync of 10,000 files, most memory", "MB", 500, lambda: _measured()[MEMORY]),
        Measure("git sync, one file of 10,000, fetched to live", "ms", 300, lambda: _milliseconds(ONE_LIVE)),
        Measure("git sync, one file of 10,000, its fetch", "ms", None, lambda: _milliseconds(ONE_FETCH)),
        Measure("git sync, a poll without news", "ms", None, lambda: _milliseconds(POLL)),
    ]


def main(files: int, *, as_json: bool) -> None:
    """Run the bench and print its table."""
    found = run(files)
    if as_json:
        print(json.dumps(found))
        return
    print(f"{files:,} workflow files in {FOLDERS} folders, medians of {ROUNDS}")
    for step, samples in found.items():
        value, unit = (median(samples), "MB") if step == MEMORY else (median(samples) * 1000, "ms")
        print(f"  {step:28} {value:9,.0f} {unit}")


if __name__ == "__main__":
    numbers = [word for word in sys.argv[1:] if word.isdigit()]
    main(int(numbers[0]) if numbers else FILES, as_json="--json" in sys.argv)
