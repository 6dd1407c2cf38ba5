"""How long the API takes to answer with a long past stored: `python -m tests.bench.million_reads --database URL`.

`make bench` measures a past of 100,000 runs, or as many as `BENCH_RUNS` says, on both databases.

Every filter by itself, the pairs that people ask for, and the worst of them: what is looked for is rare, what it is
looked for in is not. Whole requests over HTTP, one after the other, each kind with many values.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from statistics import median
from typing import Any, Final

import httpx
from sqlalchemy import func, select

from api.dependencies import Dependencies
from api.server import ApiServer
from engine.broker.memory import MemoryBroker
from engine.store.database import Database
from engine.store.tables import runs, workflows
from tests.bench.measure import Measure, percentile
from tests.bench.million import fill
from tests.bench.million_rows import Past, now_rounded
from tests.services import find, postgres

TIMES: Final = 50
BENCH_TIMES: Final = 25
MISSING: Final = "01890000-0000-7000-8000-000000000000"

Ask = Callable[[random.Random], str]
Filled = Callable[[int], AbstractContextManager[Database]]


class Sample:
    """What is in the database, for requests about it: workflows with the most runs first, and runs of all ages."""

    def __init__(self, database: Database) -> None:
        with database.read() as connection:
            names = select(workflows.c.namespace, workflows.c.name).where(workflows.c.archived_at.is_(None))
            self.workflows = [f"{row[0]}/{row[1]}" for row in connection.execute(names.order_by(workflows.c.name))]
            first, last = connection.execute(select(func.min(runs.c.id), func.max(runs.c.id))).one()
            ages = connection.execute(select(func.min(runs.c.created_at), func.max(runs.c.created_at))).one()
            self.oldest, self.newest = ages
            low, high = (int(one[:13].replace("-", ""), 16) for one in (first, last))
            self.runs = [self._near(connection, low + (high - low) * step // 200) for step in range(200)]

    def _near(self, connection: Any, milliseconds: int) -> str:
        digits = f"{milliseconds:012x}"
        floor = f"{digits[:8]}-{digits[8:]}"
        found: str = connection.execute(
            select(runs.c.id).where(runs.c.id >= floor).order_by(runs.c.id).limit(1)
        ).scalar()
        return found

    def moment(self, share: float) -> str:
        """Return the moment at that share of the past."""
        return f"{(self.oldest + (self.newest - self.oldest) * share):%Y-%m-%dT%H:%M:%SZ}"

    def span(self, drawn: random.Random) -> str:
        """Return an hour somewhere in the past."""
        begin = self.oldest + (self.newest - self.oldest) * drawn.random()
        return f"since={begin:%Y-%m-%dT%H:%M:%SZ}&until={begin + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


def requests_of(sample: Sample) -> dict[str, Ask]:
    """Return what is asked, by name. `busiest` never failed."""
    busiest = sample.workflows[0]
    anyone = sample.workflows
    old, week = sample.moment(0.1), sample.moment(0.9)
    return {
        "GET /runs": lambda _: "/runs",
        "GET /runs?cursor": lambda drawn: f"/runs?cursor={drawn.choice(sample.runs)}",
        "GET /runs?state=failed": lambda _: "/runs?state=failed",
        "GET /runs?state, none has it": lambda _: "/runs?state=skipped",
        "GET /runs?state twice": lambda _: "/runs?state=failed&state=cancelled",
        "GET /runs?workflow": lambda drawn: f"/runs?workflow={drawn.choice(anyone)}",
        "GET /runs?workflow, the busiest": lambda _: f"/runs?workflow={busiest}",
        "GET /runs?workflow&state": lambda drawn: f"/runs?workflow={drawn.choice(anyone[:50])}&state=failed",
        "GET /runs?workflow&state, none has both": lambda _: f"/runs?workflow={busiest}&state=failed",
        "GET /runs?workflow&trigger": lambda drawn: f"/runs?workflow={drawn.choice(anyone[:50])}&trigger=webhook",
        "GET /runs?trigger": lambda _: "/runs?trigger=webhook",
        "GET /runs?trigger&state": lambda _: "/runs?trigger=webhook&state=cancelled",
        "GET /runs?label": lambda _: "/runs?label=tier:gold",
        "GET /runs?label, rare": lambda _: "/runs?label=ticket:4711",
        "GET /runs?label twice": lambda drawn: f"/runs?label=tier:gold&label=team:team-{drawn.randrange(50):02}",
        "GET /runs?label&state": lambda _: "/runs?label=tier:gold&state=failed",
        "GET /runs?label&state, none has both": lambda _: "/runs?label=tier:gold&state=running",
        "GET /runs?label&workflow": lambda drawn: f"/runs?label=tier:gold&workflow={drawn.choice(anyone[:50])}",
        "GET /runs?since&until": lambda drawn: f"/runs?{sample.span(drawn)}",
        "GET /runs?since&until&state": lambda drawn: f"/runs?{sample.span(drawn)}&state=failed",
        "GET /runs?since&until&workflow": lambda drawn: f"/runs?{sample.span(drawn)}&workflow={busiest}",
        "GET /runs?since&until&label": lambda drawn: f"/runs?{sample.span(drawn)}&label=tier:gold",
        "GET /runs?until": lambda _: f"/runs?until={old}",
        "GET /runs?until&trigger": lambda _: f"/runs?until={old}&trigger=manual",
        "GET /runs?backfill": lambda _: f"/runs?backfill={MISSING}",
        "GET /runs/{id}": lambda drawn: f"/runs/{drawn.choice(sample.runs)}",
        "GET /runs/{id}/tasks": lambda drawn: f"/runs/{drawn.choice(sample.runs)}/tasks",
        "GET /runs/{id}/explain": lambda drawn: f"/runs/{drawn.choice(sample.runs)}/explain",
        "GET /runs/{id}/logs": lambda drawn: f"/runs/{drawn.choice(sample.runs)}/logs",
        "GET /workflows": lambda _: "/workflows",
        "GET /workflows?cursor": lambda drawn: f"/workflows?cursor={drawn.choice(anyone)}",
        "GET /workflows?namespace": lambda drawn: f"/workflows?namespace=team-{drawn.randrange(50):02}",
        "GET /workflows?label": lambda drawn: f"/workflows?label=team:team-{drawn.randrange(50):02}",
        "GET /workflows?label, none has it": lambda _: "/workflows?label=team:nobody",
        "GET /workflows?paused": lambda _: "/workflows?paused=true",
        "GET /workflows?archived": lambda _: "/workflows?archived=true",
        "GET /workflows/{ns}/{name}": lambda drawn: f"/workflows/{drawn.choice(anyone)}",
        "GET /analytics?workflow": lambda drawn: f"/analytics?workflow={drawn.choice(anyone)}",
        "GET /analytics?workflow&by=hour": lambda _: f"/analytics?workflow={busiest}&by=hour&since={week}",
        "GET /analytics?namespace": lambda drawn: f"/analytics?namespace=team-{drawn.randrange(50):02}",
        "GET …/upcoming": lambda drawn: f"/workflows/{drawn.choice(anyone)}/upcoming",
        "GET …/explain": lambda drawn: f"/workflows/{drawn.choice(anyone)}/explain",
    }


@contextmanager
def serving(database: Database) -> Iterator[httpx.Client]:
    """Serve the API over the database, and give a client of it."""
    server = ApiServer(Dependencies(database=database, broker=MemoryBroker()), host="127.0.0.1", port=0)
    server.start()
    try:
        with httpx.Client(base_url=f"{server.url}/api/v1", timeout=120) as client:
            yield client
    finally:
        server.stop()


def milliseconds(client: httpx.Client, ask: Ask, times: int = TIMES) -> list[float]:
    """Return how long each of so many requests took, each asked a second time: what is asked about is in memory."""
    drawn, taken = random.Random(1), []
    paths = [ask(drawn) for _ in range(times)]
    for path in (*paths, *paths):
        begun = time.perf_counter()
        answer = client.get(path)
        taken.append((time.perf_counter() - begun) * 1000)
        answer.raise_for_status()
    return taken[times:]


def measured(database: Database, words: Sequence[str] = (), times: int = TIMES) -> Iterator[tuple[str, list[float]]]:
    """Give each kind of request whose name holds one of the words (all without any) with its milliseconds."""
    with serving(database) as client:
        for name, ask in requests_of(Sample(database)).items():
            if not words or any(word in name for word in words):
                yield name, milliseconds(client, ask, times)


def measures() -> list[Measure]:
    """Return the measures of this module: of all requests, however they ask."""
    number = int(os.environ.get("BENCH_RUNS", "100000"))
    return [
        measure
        for place, filled in (("SQLite", _on_sqlite), ("PostgreSQL", _on_postgresql))
        for measure in _of_requests(f"list and get, {number:,} runs stored ({place})", filled, number)
    ]


def _of_requests(name: str, filled: Filled, number: int) -> list[Measure]:
    taken: list[float] = []

    def once() -> list[float]:
        if not taken:
            with filled(number) as database:
                lists = ("/runs", "/workflows", "…/")  # figures are not counted here
                taken.extend(one for _, some in measured(database, lists, BENCH_TIMES) for one in some)
        return taken

    return [
        Measure(f"{name}, p50", "ms", None, lambda: [median(once())]),
        Measure(f"{name}, p99", "ms", 30, lambda: [percentile(once(), 0.99)]),
    ]


@contextmanager
def _on_sqlite(number: int) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as directory, _filled(f"sqlite:///{directory}/bench.db", number) as database:
        yield database


@contextmanager
def _on_postgresql(number: int) -> Iterator[Database]:
    with postgres.fresh_database(find("postgres")) as url, _filled(url, number) as database:
        yield database


@contextmanager
def _filled(url: str, number: int) -> Iterator[Database]:
    database = Database.open(url)
    try:
        fill(database, Past(min(5_000, max(number // 20, 1)), number, now_rounded()))
        yield database
    finally:
        database.close()


def main(arguments: list[str]) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.million_reads")
    parser.add_argument("words", nargs="*", help="only requests whose name holds one of these")
    parser.add_argument("--database", required=True, help="as filled by tests.bench.million")
    parser.add_argument("--times", type=int, default=TIMES)
    given = parser.parse_args(arguments)
    database = Database.open(given.database)
    print(f"{database.dialect}: milliseconds a request, {given.times} of each")
    for name, taken in measured(database, given.words, given.times):
        print(f"  {name:40} p50 {median(taken):8.1f}  p99 {percentile(taken, 0.99):8.1f}", flush=True)
    database.close()


if __name__ == "__main__":
    main(sys.argv[1:])
