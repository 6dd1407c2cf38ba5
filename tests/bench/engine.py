"""Chains, fan-outs and many runs, embedded and distributed, with an instant runner and with processes."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.collector import settle
from dsl.model import Task, Workflow
from engine.broker import connect
from engine.store.database import Database
from engine.store.sessions import live_sessions
from engine.store.tables import OPEN_RUN
from tests.bench.instant import InstantRunner
from tests.bench.measure import Measure
from tests.e2e.processes import COMMAND, until
from tests.services import find, postgres, rabbitmq, rabbitmq_environ
from tests.stack import Stack

SPECS: dict[str, dict[str, Any]] = {"instant": {}, "run": {"script": "true\n", "shell": "bash"}}
REPEATS = 5
LOOK_SECONDS = 0.005
WAIT_SECONDS_MAX = 120
LIVE_RUNS = f"SELECT 1 FROM runs WHERE {OPEN_RUN} LIMIT 1"


def chain(kind: str, number: int) -> Workflow:
    tasks = {
        f"t{n}": Task(id=f"t{n}", kind=kind, spec=SPECS[kind], needs=(f"t{n - 1}",) if n else ()) for n in range(number)
    }
    return Workflow(name="chain", tasks=tasks)


def fan(kind: str, number: int) -> Workflow:
    tasks = {f"t{n}": Task(id=f"t{n}", kind=kind, spec=SPECS[kind]) for n in range(number)}
    tasks["join"] = Task(id="join", kind=kind, spec=SPECS[kind], needs=tuple(tasks))
    return Workflow(name="fan", tasks=tasks)


class Place:
    """Where runs are carried out: submit, and wait for the end."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def seconds(self, workflow: Workflow, number: int = 1) -> float:
        """Return how long it takes from the commit of the runs to the end of the last.

        Whoever waits shares the machine (embedded: the interpreter) with what is measured. So it asks rarely, straight
        of the driver, and for an index's few entries: asked with SQLAlchemy every 2 ms it took a third of a core.
        """
        begun = time.perf_counter()
        run_ids = self._stack.submit(workflow, number)
        pause = threading.Event()
        with self._stack.database.read() as connection:
            driver = connection.connection
            while _any(driver.cursor()):
                driver.rollback()  # SQLite: the next look is to see what was written since
                assert time.perf_counter() - begun < WAIT_SECONDS_MAX, f"runs of {workflow.name} do not end"
                pause.wait(LOOK_SECONDS)
        took = time.perf_counter() - begun
        states = self._stack.wait(run_ids)
        assert set(states) == {"succeeded"}, states
        return took


def _any(cursor: Any) -> bool:
    cursor.execute(LIVE_RUNS)
    return cursor.fetchone() is not None


@contextmanager
def embedded() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as directory, Stack(Path(directory), runners=[InstantRunner()]) as stack:
        settle()  # as `chronoverse up` does
        yield Place(stack)


@contextmanager
def distributed() -> Iterator[Place]:
    """One engine process and two worker processes on PostgreSQL and RabbitMQ."""
    with (
        postgres.fresh_database(find("postgres")) as database_url,
        rabbitmq.fresh_vhost(find("rabbitmq"), rabbitmq_environ()) as broker_url,
        tempfile.TemporaryDirectory() as directory,
    ):
        environ = {**os.environ, "CHRONOVERSE_DATABASE_URL": database_url, "CHRONOVERSE_BROKER_URL": broker_url}
        environ["CHRONOVERSE_LOG_LEVEL"] = "warning"
        started = [subprocess.Popen([*COMMAND, "engine"], env=environ)]
        try:
            database = Database.open(database_url)
            until(lambda: migrated(database), 30, "the engine migrates")
            for number in (1, 2):
                command = [sys.executable, "-m", "tests.bench.instant", str(Path(directory) / f"w{number}")]
                started.append(subprocess.Popen(command, env=environ))
            until(lambda: _workers(database) == 2, 30, "two workers say hello")
            broker = connect(broker_url, name="bench-submit")
            try:
                yield Place(Remote(database, broker))
            finally:
                broker.close()
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(40)
            database.close()


class Remote(Stack):
    """A stack whose engine and workers are other processes: only submits and waits."""

    def __init__(self, database: Database, broker: Any) -> None:
        self.database = database
        self.broker = broker
        broker.declare(["default"])


def migrated(database: Database) -> bool:
    with database.read() as connection:
        return bool(connection.dialect.has_table(connection, "alembic_version"))


def _workers(database: Database) -> int:
    with database.read() as connection:
        return len(live_sessions(connection))


def _repeated(
    place: Callable[[], Any], one: Callable[[Place], float], repeats: int = REPEATS
) -> Callable[[], Sequence[float]]:
    def run() -> Sequence[float]:
        with place() as here:
            one(here)  # the first one warms caches up
            return [one(here) for _ in range(repeats)]

    return run


def measures() -> list[Measure]:
    """Return the measures of this module."""
    found = []
    for place_name, place, targets in (
        ("embedded", embedded, {"instant": (4, 0.7, 1000), "run": (8, 2.0, 300)}),
        ("distributed", distributed, {"instant": (10, 1.5, 500), "run": (14, 3.0, 200)}),
    ):
        for kind, (chain_ms, fan_s, runs_s) in targets.items():
            what = "instant" if kind == "instant" else "processes"
            found += _of(f"{what}, {place_name}", place, kind, (chain_ms, fan_s, runs_s))
    return found


def _of(name: str, place: Callable[[], Any], kind: str, targets: tuple[float, float, float]) -> list[Measure]:
    repeats = REPEATS if kind == "instant" else 3
    made = [
        Measure(
            f"chain of 100, a task ({name})",
            "ms",
            targets[0],
            _repeated(place, lambda here: here.seconds(chain(kind, 100)) * 10, repeats),
        ),
        Measure(
            f"fan-out of 1,000 and a join ({name})",
            "s",
            targets[1],
            _repeated(place, lambda here: here.seconds(fan(kind, 1000)), repeats),
        ),
        Measure(
            f"500 single-task runs at once ({name})",
            "runs/s",
            targets[2],
            _repeated(place, lambda here: 500 / here.seconds(chain(kind, 1), 500), repeats),
            more=True,
        ),
    ]
    if kind == "instant":
        made.append(
            Measure(
                f"fan-out of 4,900 over one of 490: ratio ({name})",
                "x",
                11,
                _repeated(place, lambda here: here.seconds(fan(kind, 4900)) / here.seconds(fan(kind, 490)), 3),
            )
        )
    return made
