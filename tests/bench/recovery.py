"""What a death costs, and what a container costs over the engine's own work."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import docker
from sqlalchemy import select

from dsl.model import Retry, Task, Workflow
from engine.broker import connect
from engine.machine.graph import Graph
from engine.store.database import Database
from engine.store.sessions import live_sessions
from engine.store.tables import sessions, task_runs
from tests.bench.engine import Remote, migrated
from tests.bench.measure import Measure
from tests.e2e.processes import COMMAND, until
from tests.services import dockerd, find, postgres, rabbitmq, rabbitmq_environ
from tests.stack import Stack

SLEEPER = Workflow(
    name="sleeper",
    tasks={
        "a": Task(
            id="a",
            kind="run",
            spec={"script": "sleep 300\n", "shell": "sh"},
            retry=Retry(max_attempts=9, on=("lost",)),
        )
    },
)


def _kill_to_retry() -> Sequence[float]:
    """Seconds from kill -9 of the worker that has the attempt to the start of the next attempt, default settings."""
    assert Graph.of(SLEEPER)
    with (
        postgres.fresh_database(find("postgres")) as database_url,
        rabbitmq.fresh_vhost(find("rabbitmq"), rabbitmq_environ()) as broker_url,
        tempfile.TemporaryDirectory() as directory,
    ):
        environ = {
            **os.environ,
            "CHRONOVERSE_DATABASE_URL": database_url,
            "CHRONOVERSE_BROKER_URL": broker_url,
            "CHRONOVERSE_ALLOW_PROCESSES": "true",
            "CHRONOVERSE_LOG_LEVEL": "error",
        }
        engine = subprocess.Popen([*COMMAND, "engine"], env=environ)
        database = Database.open(database_url)
        until(lambda: migrated(database), 30, "the engine migrates")
        workers = [_worker(Path(directory) / f"w{n}", environ) for n in range(4)]
        try:
            until(lambda: _live(database) == 4, 60, "the workers say hello")
            broker = connect(broker_url, name="bench-submit")
            Remote(database, broker).submit(SLEEPER)
            found = [_once(database, workers, number) for number in (1, 2, 3)]
            broker.close()
            return found
        finally:
            for process in [*workers, engine]:
                process.kill()
                process.wait()
            database.close()


def _worker(directory: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    directory.mkdir()
    (directory / "worker-id").write_text(directory.name)
    return subprocess.Popen([*COMMAND, "worker", "--state", str(directory)], env=environ)


def _live(database: Database) -> int:
    with database.read() as connection:
        return len(live_sessions(connection))


def _holder(database: Database, attempt: int) -> str | None:
    with database.read() as connection:
        query = select(sessions.c.worker).join(task_runs, task_runs.c.session == sessions.c.id)
        query = query.where(task_runs.c.state == "running", task_runs.c.attempt == attempt)
        return connection.execute(query).scalar()


def _once(database: Database, workers: list[subprocess.Popen[bytes]], attempt: int) -> float:
    name = until(lambda: _holder(database, attempt), 60, "the attempt runs")
    assert name is not None
    begun = time.perf_counter()
    workers[int(name.removeprefix("w"))].kill()
    until(lambda: _holder(database, attempt + 1), 60, "the next attempt runs")
    return time.perf_counter() - begun


def _container_overhead() -> Sequence[float]:
    """Milliseconds that a container task takes over the engine's own create, start, wait and remove."""
    url = find("docker")
    image = dockerd.ensure_image(url)
    client = docker.DockerClient(base_url=url)
    task = Task(id="a", kind="container", spec={"image": image, "command": ["true"], "network": "none"})
    workflow = Workflow(name="c", tasks={"a": task})
    with tempfile.TemporaryDirectory() as directory, Stack(Path(directory), docker_url=url) as stack:
        ours, theirs = [], []
        for _ in range(12):
            begun = time.perf_counter()
            assert stack.wait(stack.submit(workflow), 60) == ["succeeded"]
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            container = client.containers.create(image, ["true"], network_mode="none")
            container.start()
            container.wait()
            container.remove()
            theirs.append(time.perf_counter() - begun)
    client.close()
    return [(one - other) * 1000 for one, other in zip(ours[2:], theirs[2:], strict=True)]


def measures() -> list[Measure]:
    """Return the measures of this module."""
    return [
        Measure("kill -9 of a worker to the retry's start, default settings", "s", 10, _kill_to_retry),
        Measure("container task, overhead over create-start-wait-remove", "ms", 30, _container_overhead),
    ]
