"""Scripts beside workflows: from a folder or a git repository to the directory that a task starts in."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from dsl.loader import load_text
from dsl.model import decode
from engine.artifacts import CHECKOUTS, Artifacts
from engine.broker.logs import unpack
from engine.clock import new_id
from engine.machine.graph import Graph
from engine.services.firing import Firings
from engine.services.janitor import Janitor
from engine.services.revision_cache import RevisionCache
from engine.store.tables import log_batches, revisions, task_runs, workflows
from engine.sync.folder import FolderSource
from engine.sync.reconcile import Outcome, Reconciler
from tests.stack import Stack, Stored

FLOW = """
name: flow
checkout: true
tasks:
  t: {run: ./scripts/greet.sh}
"""
PLAIN = 'name: plain\ntasks:\n  t: {run: test -z "$(ls)"}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    (made / "scripts").mkdir(parents=True)
    script(made, "echo hello")
    (made / "flow.yaml").write_text(FLOW)
    (made / "plain.yaml").write_text(PLAIN)
    (made / ".hidden").write_text("no")
    return made


def script(folder: Path, text: str) -> None:
    path = folder / "scripts" / "greet.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "stack") as made:
        yield made


class Sync:
    """The sync of one folder into a stack."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.artifacts = Artifacts(str(stack.directory / "artifacts"))
        self._source = FolderSource("source", folder)
        self._reconciler = Reconciler(
            stack.database,
            self._source,
            settle=Firings(RevisionCache(stack.database), new_id).settle,
            ids=new_id,
            now=stack.database.now,
            artifacts=self.artifacts,
        )

    def sync(self) -> Outcome:
        outcome = self._reconciler.reconcile()
        assert not outcome.state.diagnostics
        return outcome

    def run(self, name: str) -> tuple[str, str, list[str]]:
        """Run the live revision; return the task's state, its message, and its log."""
        with self.stack.database.read() as connection:
            query = select(workflows.c.id, revisions.c.id, revisions.c.compiled).join(
                revisions, revisions.c.id == workflows.c.active_revision_id
            )
            row = connection.execute(query.where(workflows.c.name == name)).one()
        stored = Stored(Graph.of(decode(row[2])), row[0], row[1])
        (run_id,) = self.stack.start(stored)
        self.stack.wait([run_id], 60)
        return said(self.stack, run_id)


def said(stack: Stack, run_id: str) -> tuple[str, str, list[str]]:
    with stack.database.read() as connection:
        task: Any = connection.execute(select(task_runs).where(task_runs.c.run_id == run_id)).one()
        batches = connection.execute(select(log_batches.c.data).where(log_batches.c.run_id == run_id)).scalars()
        lines = [line.text for data in batches for line in unpack(data)]
    return task.state, task.message, lines


def test_a_task_starts_beside_its_scripts(stack: Stack, folder: Path) -> None:
    script(folder, "ls -a | tr '\\n' ' '; test ! -w flow.yaml || test $(id -u) = 0; touch made; echo; cat flow.yaml")
    sync = Sync(stack, folder)
    sync.sync()
    state, message, _ = sync.run("flow")
    assert (state, message) == ("succeeded", "")
    assert sync.run("plain")[0] == "succeeded", "what asks for no checkout gets none"
    assert len(list((stack.directory / "worker" / "checkouts").iterdir())) == 1
    assert not list((stack.directory / "worker" / "work").iterdir()), "a copy is left behind"


def test_another_script_is_another_revision_of_what_checks_out_and_of_nothing_else(stack: Stack, folder: Path) -> None:
    sync = Sync(stack, folder)
    sync.sync()
    assert not sync.sync().changed
    script(folder, "exit 7")
    outcome = sync.sync()
    assert [item.loaded.workflow.name for item in outcome.plan.changed] == ["flow"]
    state, message, _ = sync.run("flow")
    assert (state, message) == ("failed", "the script ended with exit code 7")


def test_a_run_stays_with_the_scripts_of_its_revision(stack: Stack, folder: Path) -> None:
    sync = Sync(stack, folder)
    sync.sync()
    with stack.database.read() as connection:
        query = select(workflows.c.active_revision_id).where(workflows.c.name == "flow")
        first = connection.execute(query).scalar_one()
    script(folder, "exit 1")
    sync.sync()
    with stack.database.write() as connection:
        connection.execute(update(workflows).where(workflows.c.name == "flow").values(active_revision_id=first))
    assert sync.run("flow")[0] == "succeeded"


def test_trees_that_nothing_needs_are_forgotten_after_a_day(stack: Stack, folder: Path) -> None:
    sync = Sync(stack, folder)
    sync.sync()
    store = sync.artifacts.open()
    with stack.database.read() as connection:
        needed = connection.execute(select(revisions.c.checkout).where(revisions.c.checkout.is_not(None))).scalar_one()
    (stack.directory / "other").write_bytes(b"tree of a sync that died")
    other = store.keep(CHECKOUTS, stack.directory / "other").sha256
    Janitor(stack.database, artifacts=sync.artifacts).clean()
    kept = stack.directory / "artifacts" / CHECKOUTS
    assert {path.name for path in kept.iterdir()} == {needed, other}
    for path in kept.iterdir():
        os.utime(path, (0, 0))
    Janitor(stack.database, artifacts=sync.artifacts).clean()
    assert {path.name for path in kept.iterdir()} == {needed}


def test_a_workflow_of_no_source_says_that_there_is_nothing_to_check_out(stack: Stack) -> None:
    (run_id,) = stack.submit(load_text(FLOW, "flow.yaml").workflows[0].workflow)
    stack.wait([run_id], 60)
    state, message, _ = said(stack, run_id)
    assert state == "failed"
    assert "no source tree" in message


def test_without_a_store_the_sync_says_what_to_set(stack: Stack, folder: Path) -> None:
    sync = Sync(stack, folder)
    sync._reconciler._bundles = type(sync._reconciler._bundles)(Artifacts(""))
    outcome = sync.sync()
    fetched = outcome.state.conditions["fetched"]
    assert (fetched.status, fetched.reason) == (False, "no_store")
    assert "CHRONOVERSE_ARTIFACTS_URL" in fetched.message


@pytest.mark.parametrize("more", ["", "workdir: /srv/here, ", "read_only: true, user: '1000', "])
def test_a_container_starts_in_a_copy(
    tmp_path: Path, folder: Path, docker_url: str, docker_image: str, more: str
) -> None:
    script(folder, "touch made && cat flow.yaml > copy")
    (folder / "flow.yaml").write_text(
        f'name: flow\ntasks:\n  t: {{checkout: true, container: {{image: "{docker_image}", network: none, {more}'
        "command: [./scripts/greet.sh]}}\n"
    )
    with Stack(tmp_path / "stack", docker_url=docker_url, docker_network="none") as stack:
        sync = Sync(stack, folder)
        sync.sync()
        assert sync.run("flow")[:2] == ("succeeded", "")
