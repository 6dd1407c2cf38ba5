"""Containers on a real Docker engine, through the real engine and worker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from sqlalchemy import func, select

from dsl.loader import load_text
from dsl.model import Workflow
from engine.broker.logs import unpack
from engine.store.tables import attempts, log_batches, task_runs
from tests.e2e.processes import until
from tests.stack import Stack

HEAD = "name: c\ntasks:\n  t:\n"


@pytest.fixture
def stack(tmp_path: Path, docker_url: str, docker_image: str) -> Iterator[Stack]:
    with Stack(tmp_path, docker_url=docker_url, docker_network="none", slots=4) as made:
        yield made
    assert leftovers(docker_url, made.installation) == [], "containers were left behind"


def leftovers(docker_url: str, installation: str) -> list[str]:
    client = docker.APIClient(base_url=docker_url)
    try:
        wanted = {"label": f"io.chronoverse.installation={installation}"}
        return [name for found in client.containers(all=True, filters=wanted) for name in found["Names"]]
    finally:
        client.close()


def run(stack: Stack, body: str) -> dict[str, Any]:
    loaded = load_text(HEAD + body, "c.yaml")
    assert not [item for item in loaded.diagnostics if item.code.startswith("E")], loaded.diagnostics
    workflow: Workflow = loaded.workflows[0].workflow
    (run_id,) = stack.submit(workflow)
    (state,) = stack.wait([run_id], 60)
    with stack.database.read() as connection:
        task = connection.execute(select(task_runs).where(task_runs.c.run_id == run_id)).one()
        attempt = connection.execute(select(attempts).where(attempts.c.run_id == run_id)).one()
    until(lambda: _batches(stack, run_id) == attempt.log_batches, 20, "all of the log is there")
    with stack.database.read() as connection:
        query = select(log_batches.c.data).where(log_batches.c.run_id == run_id).order_by(log_batches.c.pos)
        lines = [line for data in connection.execute(query).scalars() for line in unpack(data)]
    return {"state": state, "task": task, "attempt": attempt, "lines": lines}


def _batches(stack: Stack, run_id: str) -> int:
    with stack.database.read() as connection:
        query = select(func.count()).select_from(log_batches).where(log_batches.c.run_id == run_id)
        return connection.execute(query).scalar_one()


def test_a_script_runs_inside_the_image_and_hands_on_outputs(stack: Stack, docker_image: str) -> None:
    body = f"""
    container: {{image: "{docker_image}", network: none, resources: {{cpus: 0.5, memory: 64Mi, pids: 32}}}}
    shell: sh
    env: {{WHO: you}}
    outputs: {{last: integer}}
    run: |
      for i in 1 2 3; do echo "count $i for $WHO"; done
      echo oops >&2
      echo "last=$i" >> "$CHRONOVERSE_OUTPUT"
"""
    found = run(stack, body)
    assert found["state"] == "succeeded", found["task"].message
    assert found["task"].outputs == {"last": 3}
    assert [line.text for line in found["lines"] if line.stream == "stdout"] == [
        f"count {i} for you" for i in (1, 2, 3)
    ]
    assert [line.text for line in found["lines"] if line.stream == "stderr"] == ["oops"]


def test_a_command_and_its_exit_code(stack: Stack, docker_image: str) -> None:
    found = run(stack, f'    container: {{image: "{docker_image}", command: [sh, -c, "exit 7"]}}\n')
    assert (found["state"], found["attempt"].reason, found["attempt"].exit_code) == ("failed", "exit", 7)


def test_no_capabilities_and_no_new_privileges(stack: Stack, docker_image: str) -> None:
    body = f"""
    container: {{image: "{docker_image}"}}
    shell: sh
    run: grep -E "^(CapEff|NoNewPrivs)" /proc/self/status
"""
    text = " ".join(line.text for line in run(stack, body)["lines"])
    assert "CapEff:\t0000000000000000" in text
    assert "NoNewPrivs:\t1" in text


def test_a_timeout_stops_the_container(stack: Stack, docker_image: str) -> None:
    body = f'    container: {{image: "{docker_image}", command: [sleep, "300"]}}\n    timeout: 1s\n    grace: 1s\n'
    found = run(stack, body)
    assert (found["state"], found["attempt"].reason) == ("failed", "timeout")


def test_an_image_that_is_nowhere_is_said_so(stack: Stack) -> None:
    found = run(stack, '    container: {image: "chronoverse-test/nowhere:1", pull: never}\n')
    assert found["attempt"].reason == "runner_error"
    assert "nowhere" in found["attempt"].message
