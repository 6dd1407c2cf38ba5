"""Artifacts, from a task's directory to the tasks below it: real engine, real worker, processes and containers."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dsl.loader import load_text
from engine.artifacts import Artifacts, Kept
from engine.services.approvals import Approvals, Decision
from engine.services.janitor import Janitor
from engine.store.artifacts import list_artifacts
from engine.store.tables import attempts, runs, task_runs
from tests.e2e.processes import until
from tests.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, slots=4) as made:
        yield made


def run(stack: Stack, text: str) -> str:
    loaded = load_text(f"name: a\n{text}", "a.yaml")
    assert not [item for item in loaded.diagnostics if item.code.startswith("E")], loaded.diagnostics
    (run_id,) = stack.submit(loaded.workflows[0].workflow)
    stack.wait([run_id], 60)
    return run_id


def tasks(stack: Stack, run_id: str) -> dict[str, Any]:
    with stack.database.read() as connection:
        found = connection.execute(select(task_runs).where(task_runs.c.run_id == run_id)).all()
    return {row.task + (f"/{row.item}" if row.item is not None else ""): row for row in found}


def kept(stack: Stack, run_id: str) -> dict[str, bytes]:
    """What the store has of the run's rows, by task, key and name."""
    store = Artifacts(str(stack.directory / "artifacts")).open()
    with stack.database.read() as connection:
        rows = list_artifacts(connection, run_id, limit=100)
    return {
        "/".join(filter(None, (row.task, row.key, row.artifact.name))): b"".join(
            store.read(Kept(row.run_id, row.artifact.size, row.artifact.sha256))
        )
        for row in rows
    }


def test_files_reach_the_tasks_that_need_them_and_nobody_else(stack: Stack) -> None:
    run_id = run(
        stack,
        """
tasks:
  build:
    artifacts: [dist/*.txt, notes]
    run: mkdir -p dist/deep notes; echo one > dist/a.txt; echo no > dist/b.log; echo two > notes/n; echo x > top
  read: {needs: [build], run: 'cd "$CHRONOVERSE_ARTIFACTS/build"; cat dist/a.txt notes/n; test ! -e dist/b.log'}
  apart: {run: 'test -z "${CHRONOVERSE_ARTIFACTS:-}"'}
""",
    )
    assert {name: row.state for name, row in tasks(stack, run_id).items()} == dict.fromkeys(
        ("build", "read", "apart"), "succeeded"
    )
    assert kept(stack, run_id) == {"build/dist/a.txt": b"one\n", "build/notes/n": b"two\n"}
    assert not list((stack.directory / "worker" / "handed").iterdir()), "what was fetched is left behind"


def test_each_item_of_a_fan_out_has_a_folder_by_its_index(stack: Stack) -> None:
    run_id = run(
        stack,
        """
tasks:
  part: {matrix: {n: [7, 8]}, artifacts: [out], env: {N: "${{ matrix.n }}"}, run: 'echo "$N" > out'}
  join: {needs: [part], run: 'cd "$CHRONOVERSE_ARTIFACTS/part"; test "$(cat 0/out 1/out)" = "$(printf "7\\n8")"'}
""",
    )
    assert tasks(stack, run_id)["join"].state == "succeeded"
    assert kept(stack, run_id) == {"part/n=7/out": b"7\n", "part/n=8/out": b"8\n"}


def test_a_success_without_its_files_is_none_and_says_which(stack: Stack) -> None:
    run_id = run(stack, "tasks:\n  t: {run: 'echo 1 > a', artifacts: [a, 'b/*.csv']}\n")
    task = tasks(stack, run_id)["t"]
    assert (task.state, task.reason) == ("failed", "invalid_output")
    assert "b/*.csv" in task.message
    assert kept(stack, run_id) == {}


def test_what_a_failed_attempt_left_is_kept_and_handed_on_only_by_the_last(stack: Stack) -> None:
    run_id = run(
        stack,
        """
tasks:
  t:
    retry: {max_attempts: 2, delay: 0s}
    artifacts: [log]
    run: echo "try $CHRONOVERSE_ATTEMPT" > log; test "$CHRONOVERSE_ATTEMPT" = 2
  below: {needs: [t], run: 'test "$(cat "$CHRONOVERSE_ARTIFACTS/t/log")" = "try 2"'}
""",
    )
    assert tasks(stack, run_id)["below"].state == "succeeded"
    with stack.database.read() as connection:
        rows = list_artifacts(connection, run_id, limit=10)
    digests = [hashlib.sha256(f"try {number}\n".encode()).hexdigest() for number in (1, 2)]
    assert [(row.place.attempt, row.artifact.sha256) for row in rows] == list(enumerate(digests, 1))


def test_more_than_may_be_left_fails_and_leaves_nothing(tmp_path: Path) -> None:
    with Stack(tmp_path, artifact_bytes_max=10) as stack:
        run_id = run(stack, "tasks:\n  t: {run: 'echo 0123456789 > a', artifacts: [a]}\n")
        task = tasks(stack, run_id)["t"]
        assert (task.state, task.reason) == ("failed", "invalid_output")
        assert "larger than 10 bytes" in task.message
        assert kept(stack, run_id) == {}


def test_without_a_store_a_task_that_leaves_files_fails_and_says_what_to_set(tmp_path: Path) -> None:
    with Stack(tmp_path, artifacts_url="") as stack:
        task = tasks(stack, run(stack, "tasks:\n  t: {run: 'echo 1 > a', artifacts: [a]}\n"))["t"]
    assert (task.state, task.reason) == ("failed", "artifact")
    assert "CHRONOVERSE_ARTIFACTS_URL" in task.message


def test_a_cached_result_brings_its_files_and_is_no_result_without_them(stack: Stack) -> None:
    text = """
tasks:
  t: {cache: {key: fixed, ttl: 1d}, artifacts: [a], run: 'echo $CHRONOVERSE_RUN_ID > a'}
  below: {needs: [t], run: 'cat "$CHRONOVERSE_ARTIFACTS/t/a"'}
"""
    workflow = load_text(f"name: a\n{text}", "a.yaml").workflows[0].workflow
    stored = stack.store(workflow)
    ids = []
    for _ in range(2):
        ids += stack.start(stored)
        assert stack.wait(ids[-1:], 60) == ["succeeded"]
    first, second = ids
    assert tasks(stack, second)["t"].reason == "cached"
    assert kept(stack, second) == {"t/a": f"{first}\n".encode()}
    with stack.database.write() as connection:  # the first run is gone, its files with it
        for table in (runs, task_runs, attempts):
            column = table.c.id if table is runs else table.c.run_id
            connection.execute(table.delete().where(column == first))
        connection.exec_driver_sql("DELETE FROM artifacts")
    Janitor(stack.database, artifacts=Artifacts(str(stack.directory / "artifacts"))).clean()
    (third,) = stack.start(stored)
    assert stack.wait([third], 60) == ["succeeded"]
    assert tasks(stack, third)["t"].reason is None


def test_files_of_deleted_runs_go(stack: Stack) -> None:
    gone, stays = (run(stack, "tasks:\n  t: {run: 'echo 1 > a', artifacts: [a]}\n") for _ in range(2))
    store = Artifacts(str(stack.directory / "artifacts")).open()
    assert sorted(store.runs()) == sorted([gone, stays])
    with stack.database.write() as connection:
        connection.execute(runs.delete().where(runs.c.id == gone))
    Janitor(stack.database, artifacts=Artifacts(str(stack.directory / "artifacts"))).clean()
    assert store.runs() == [stays]


def test_files_that_are_gone_fail_the_task_that_needs_them(stack: Stack) -> None:
    workflow = (
        load_text(
            "name: a\ntasks:\n  t: {run: 'echo 1 > a', artifacts: [a]}\n"
            "  gate: {approval: {message: go}, needs: [t]}\n  below: {needs: [t, gate], run: 'true'}\n",
            "a.yaml",
        )
        .workflows[0]
        .workflow
    )
    (run_id,) = stack.submit(workflow)
    until(lambda: tasks(stack, run_id).get("gate") is not None, 20, "somebody is asked")
    with stack.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM artifacts")
    Approvals(stack.database, stack.broker).decide(run_id, "gate", "", Decision(approved=True, by="me"))
    stack.wait([run_id], 60)
    task = tasks(stack, run_id)["below"]
    assert (task.state, task.reason) == ("failed", "artifact")
    assert "t are gone" in task.message


@pytest.mark.parametrize("read_only", [False, True])
def test_containers_leave_and_get_files(tmp_path: Path, docker_url: str, docker_image: str, *, read_only: bool) -> None:
    place = "/chronoverse/out" if read_only else "out"
    text = f"""
tasks:
  build:
    container: {{image: "{docker_image}", network: none, workdir: /tmp, read_only: {str(read_only).lower()}}}
    shell: sh
    artifacts: ["{place}/*.txt"]
    run: |
      mkdir -p {place} && echo one > {place}/a.txt && echo no > {place}/b.log
  read:
    needs: [build]
    container: {{image: "{docker_image}", network: none, user: "1000", read_only: {str(read_only).lower()}}}
    shell: sh
    run: |
      cat "$CHRONOVERSE_ARTIFACTS/build/{place.lstrip("/")}/a.txt"
      test "$(ls "$CHRONOVERSE_ARTIFACTS/build/{place.lstrip("/")}")" = a.txt
"""
    with Stack(tmp_path, docker_url=docker_url, docker_network="none") as stack:
        run_id = run(stack, text)
        found = {name: (row.state, row.message) for name, row in tasks(stack, run_id).items()}
        assert found == {"build": ("succeeded", ""), "read": ("succeeded", "")}
        assert kept(stack, run_id) == {f"build/{place.lstrip('/')}/a.txt": b"one\n"}
