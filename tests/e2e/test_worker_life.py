"""A worker's end: containers that outlive it are taken up again, and TERM lets what runs come to its end."""

import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from dsl.loader import load_text
from engine.broker import connect
from engine.clock import new_id
from engine.machine.creation import new_run
from engine.machine.graph import Graph
from engine.services.wakes import wake
from engine.store.database import Database
from engine.store.local import store_workflow
from engine.store.runs import create_runs
from engine.store.sessions import live_sessions
from engine.store.tables import runs
from tests.e2e.processes import Processes, until
from tests.e2e.test_embedded import Server, _ended

SLOW = """
name: slow
tasks:
  count:
    container: {image: "%s", network: none}
    shell: sh
    run: |
      echo begun
      sleep 6
      echo "n=7" >> "$CHRONOVERSE_OUTPUT"
    outputs: {n: integer}
"""


def test_a_container_that_outlives_its_worker_is_taken_up_again(
    tmp_path: Path, docker_url: str, docker_image: str
) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "slow.yaml").write_text(SLOW % docker_image)
    with Processes(tmp_path, {"CHRONOVERSE_DOCKER_URL": docker_url}) as processes:
        server = Server(processes, folder, "up-1")
        until(lambda: server.get("/workflows")["items"], 10, "the workflow is live")
        run = server.post("/workflows/default/slow/runs", {"inputs": {}})
        until(lambda: server.get(f"/runs/{run['id']}/logs")["items"], 30, "the container says something")
        server.process.kill()

        server = Server(processes, folder, "up-2")
        ended = until(lambda: _ended(server, run["id"]), 60, "the run ends after the restart")
        lines = server.get(f"/runs/{run['id']}/logs")["items"]
    (task,) = ended["tasks"]
    assert ended["state"] == "succeeded", ended["message"]
    assert [attempt["state"] for attempt in task["attempts"]] == ["succeeded"]
    assert task["outputs"] == {"n": 7}
    assert [line["text"] for line in lines] == ["begun"]


@pytest.mark.timeout(180)
def test_term_lets_what_runs_come_to_its_end(tmp_path: Path, postgres_url: str, rabbitmq_url: str) -> None:
    environ = {
        "CHRONOVERSE_DATABASE_URL": postgres_url,
        "CHRONOVERSE_BROKER_URL": rabbitmq_url,
        "CHRONOVERSE_ALLOW_PROCESSES": "true",
    }
    loaded = load_text(
        "name: w\ntasks:\n  a: {run: 'echo begun > flag; touch %s; sleep 4'}\n" % (tmp_path / "flag"), "w"
    )
    database = Database.open(postgres_url)
    with Processes(tmp_path, environ) as processes:
        processes.start("engine", "engine")
        worker = processes.start("worker", "worker", "--state", str(tmp_path / "w"))
        until(lambda: _live(database), 60, "the worker says hello")
        run_id = _submit(database, rabbitmq_url, loaded.workflows[0].workflow)
        until((tmp_path / "flag").exists, 30, "the attempt runs")
        assert worker.interrupt(signal.SIGTERM, 40) == 0
        until(lambda: _state(database, run_id) == "succeeded", 20, "the run has succeeded")
    database.close()


def _live(database: Database) -> bool:
    with database.read() as connection:
        if not connection.dialect.has_table(connection, "sessions"):
            return False
        return bool(live_sessions(connection))


def _submit(database: Database, broker_url: str, workflow) -> str:  # type: ignore[no-untyped-def]
    now = database.now()
    with database.write() as connection:
        workflow_id, revision_id = store_workflow(connection, workflow, new_id, now)
        run = new_run(
            run_id=new_id(),
            graph=Graph.of(workflow),
            workflow_id=workflow_id,
            revision_id=revision_id,
            revision=1,
            trigger={"kind": "manual"},
            inputs={},
            now=now,
        )
        create_runs(connection, [run])
    broker = connect(broker_url, name="test")
    broker.declare(["default"])
    wake(broker, [run.id])
    broker.close()
    return run.id


def _state(database: Database, run_id: str) -> str:
    with database.read() as connection:
        return str(connection.execute(select(runs.c.state).where(runs.c.id == run_id)).scalar_one())
