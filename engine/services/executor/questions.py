"""What a run's changes ask for before they can be committed: cached outputs, and the runs of its children."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from engine.machine.changes import Changes, NewChild
from engine.machine.creation import new_run
from engine.machine.events import CacheAnswer, ChildEnded, ChildStarted, Event
from engine.machine.model import Run, attempt_name
from engine.machine.states import RunState
from engine.services.revision_cache import RevisionCache
from engine.store.artifacts import have_artifacts
from engine.store.cache_entries import find_cached
from engine.store.database import Database
from engine.store.reads_workflows import WorkflowRow, read_workflow
from engine.telemetry.spans import of_attempt

CHILD: Final = "parent"
"""What `trigger.kind` says in a child run."""


class Questions:
    """Answers them, as events for the runs that ask. For one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revisions = RevisionCache(database)

    def answer(self, asking: Sequence[Changes], now: datetime) -> tuple[dict[str, list[Event]], dict[str, list[Run]]]:
        """Take the questions out of the changes; return the answers and the child runs, by the run that asks."""
        answers: dict[str, list[Event]] = defaultdict(list)
        born: dict[str, list[Run]] = defaultdict(list)
        self._look_up(asking, answers, now)
        workflows = self._workflows(child for changes in asking for child in changes.children)
        for changes in asking:
            for child in changes.children:
                run = self._born(changes.run, child, workflows.get((child.namespace, child.name)), now)
                if isinstance(run, Run):
                    born[changes.run.id].append(run)
                    answers[changes.run.id].append(ChildStarted(child.task_run_id, child.attempt))
                else:
                    failed = ChildEnded(child.task_run_id, child.attempt, RunState.FAILED, message=run)
                    answers[changes.run.id].append(failed)
            changes.lookups, changes.children = [], []
        return answers, born

    def _look_up(self, asking: Sequence[Changes], answers: dict[str, list[Event]], now: datetime) -> None:
        wanted = {(changes.run.workflow_id, each.task, each.key) for changes in asking for each in changes.lookups}
        if not wanted:
            return
        with self._database.read() as connection:
            found = find_cached(connection, wanted, now)
            origins = {cached.task_run_id for cached in found.values()}
            whole = have_artifacts(connection, origins) if any(_with_files(asking)) else set()
        for changes in asking:
            for each in changes.lookups:
                cached = found.get((changes.run.workflow_id, each.task, each.key))
                if cached is None or (each.artifacts and cached.task_run_id not in whole):
                    answer = CacheAnswer(each.task_run_id)
                else:
                    answer = CacheAnswer(each.task_run_id, cached.outputs, cached.task_run_id)
                answers[changes.run.id].append(answer)

    def _workflows(self, children: Iterable[NewChild]) -> Mapping[tuple[str, str], WorkflowRow | None]:
        names = {(child.namespace, child.name) for child in children}
        if not names:
            return {}
        with self._database.read() as connection:
            return {(namespace, name): read_workflow(connection, namespace, name) for namespace, name in names}

    def _born(self, parent: Run, child: NewChild, workflow: WorkflowRow | None, now: datetime) -> Run | str:
        """Return the child run, or why there cannot be one."""
        if workflow is None or workflow.active_revision_id is None:
            return f"there is no workflow {child.namespace}/{child.name}"
        if workflow.archived_at is not None:
            return f"workflow {child.namespace}/{child.name} was removed from its source"
        try:
            revision = self._revisions.get(workflow.active_revision_id)
        except ValueError as error:
            return f"workflow {child.namespace}/{child.name} cannot be run by this program: {error}"
        return new_run(
            run_id=child.run_id,
            graph=revision.graph,
            workflow_id=workflow.id,
            revision_id=workflow.active_revision_id,
            revision=revision.number,
            trigger=_trigger(parent, child, now),
            inputs=child.inputs,
            now=now,
            parent_task_run=child.task_run_id,
            parent_attempt=child.attempt,
            commit=revision.commit,
            trace=of_attempt(attempt_name(child.task_run_id, child.attempt), parent.trace).carrier(),
        )


def _with_files(asking: Iterable[Changes]) -> Iterator[bool]:
    return (lookup.artifacts for changes in asking for lookup in changes.lookups)


def _trigger(parent: Run, child: NewChild, now: datetime) -> dict[str, Any]:
    """Return what the child's expressions see as `trigger`."""
    workflow = {"namespace": parent.workflow.namespace, "name": parent.workflow.name}
    run = {"id": parent.id, "task_run": child.task_run_id, "workflow": workflow}
    return {"kind": CHILD, "fired_at": now.isoformat(), "depth": child.depth, "run": run}
