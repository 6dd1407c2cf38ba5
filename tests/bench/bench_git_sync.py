"""What git sync costs: `python -m tests.bench.bench_git_sync [FILES]`, over HTTP on loopback; 10,000 files.

A cold sync (fetch, trees, load, apply), a poll without news, one file changed: the fetch, and from the end of the fetch
to live. SQLite in a temporary directory.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from engine.clock import new_id
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.store.database import Database
from engine.store.schema import migrate
from engine.sync.git.config import GitConfig
from engine.sync.git.source import GitSource
from engine.sync.reconcile import Reconciler
from tests.services.git import Repository
from tests.services.git_http import serving

FOLDERS = 100
ROUNDS = 5
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
        with self.timed("cold: fetch and trees"):
            self.source.fetch()
        with self.timed("cold: load, plan, apply"):
            self.reconciler.reconcile()
        for number in range(ROUNDS):
            self.source.nudge()
            with self.timed("poll without news"):
                self.source.fetch()
            with self.timed("look without news"):
                self.reconciler.reconcile()
            self.repository.commit({self.path(number): self.text(number, f"new-{number}")})
            self.source.nudge()
            with self.timed("one file: fetch and trees"):
                self.source.fetch()
            with self.timed("one file: fetched to live"):
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


def main(files: int) -> None:
    """Run the bench and print its table."""
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory) / "served") as server:
        bench = Bench(server.new("bench"), server.url("bench"), Path(directory), files)
        bench.run()
        bench.source.close()
        bench.database.close()
    print(f"{files:,} workflow files in {FOLDERS} folders, medians of {ROUNDS}")
    for step, seconds in bench.seconds.items():
        print(f"  {step:28} {median(seconds) * 1000:9,.0f} ms")
    print(f"  {'most memory of this process':28} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:9,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
