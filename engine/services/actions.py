"""What a person may do: trigger, cancel, retry and rerun runs; pause and resume workflows.

An action has happened when its transaction is committed. It then wakes the executor; a lost wake costs a sweep, nothing
else.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.broker.interface import Broker
from engine.clock import Clock, NewId
from engine.machine.changes import NewSignal
from engine.machine.creation import check_inputs, new_run
from engine.machine.graph import Graph, Stage
from engine.machine.model import Run, TaskRun
from engine.machine.states import RUN_TERMINAL, Reason, RunState, TaskState
from engine.services.refusals import ConflictError, InvalidInputsError, KeyReusedError, UnknownError
from engine.services.revision_cache import RevisionCache
from engine.services.wakes import wake
from engine.store import revisions
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.idempotency import StoredAnswer, find_answer, keep_answer
from engine.store.reads_runs import RunRow, read_run, read_run_values
from engine.store.reads_tasks import TaskRow, list_tasks
from engine.store.reads_workflows import WorkflowRow, read_workflow
from engine.store.runs import create_runs
from engine.store.signals import insert_signals

MANUAL: Final = "manual"
TASKS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is to be carried out once: the caller's key, the body's digest, and what to answer."""

    key: str
    body_digest: str
    status: int
    answer: Callable[[Run], Any]


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that an earlier request under the same key was given."""

    response: Any


class Actions:
    """The actions over one database and broker. Every method may be called from any thread."""

    def __init__(
        self, database: Database, broker: Broker, revision_cache: RevisionCache, clock: Clock, ids: NewId
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._ids = ids
        self._revisions = revision_cache
        self._evaluating = threading.Lock()

    def trigger(
        self,
        namespace: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        labels: Mapping[str, str] | None = None,
        once: Once | None = None,
    ) -> Run | Replay:
        """Create a run of the active revision.

        A paused workflow runs when asked: pausing stops its triggers. Raises `UnknownError`, `ConflictError` (archived,
        or without a revision), `InvalidInputsError`, `KeyReusedError`.
        """
        with self._database.read() as connection:
            workflow = _runnable(read_workflow(connection, namespace, name), namespace, name)
            if once is not None and (found := find_answer(connection, _scope(workflow), once.key, self._clock())):
                return _replay(found, once)
        run = self._build(workflow, inputs, labels or {}, revision_id=workflow.active_revision_id)
        return self._create(run, _scope(workflow), once)

    def rerun(self, run_id: str, *, newest: bool) -> Run:
        """Create a run with the inputs of an earlier one, on the newest revision or on the same.

        Raises as `trigger` does.
        """
        with self._database.read() as connection:
            old = _existing(read_run(connection, run_id), run_id)
            values = read_run_values(connection, run_id)
            workflow = _runnable(read_workflow(connection, old.namespace, old.name), old.namespace, old.name)
        revision_id = workflow.active_revision_id if newest else old.revision_id
        run = self._build(workflow, values.inputs, old.labels, revision_id=revision_id)
        self._create(run, "", None)
        return run

    def retry(self, run_id: str) -> Run:
        """Create a run that takes over what succeeded in an ended one, on the same revision, and does the rest again.

        A task is taken over if it and all that it needs succeeded. Raises `UnknownError`; `ConflictError` for a run
        that goes on or that succeeded.
        """
        with self._database.read() as connection:
            old = _existing(read_run(connection, run_id), run_id)
            if old.state not in RUN_TERMINAL:
                raise ConflictError(f"run {run_id} has not ended\n  hint: cancel it first, or wait for its end")
            if old.state == RunState.SUCCEEDED:
                raise ConflictError(f"run {run_id} succeeded: nothing is left to retry\n  hint: rerun it")
            values = read_run_values(connection, run_id)
            workflow = _runnable(read_workflow(connection, old.namespace, old.name), old.namespace, old.name)
            tasks = list_tasks(connection, run_id, states=[TaskState.SUCCEEDED], limit=TASKS_MAX)
        run = self._build(workflow, values.inputs, old.labels, revision_id=old.revision_id, retry_of=run_id)
        run.tasks = _taken_over(run, self._revisions.get(old.revision_id).graph, tasks)
        self._create(run, "", None)
        return run

    def cancel(self, run_id: str, *, forced: bool, by: str) -> RunRow:
        """Ask for a run's end. Forced: what was spared by an earlier cancel is stopped too, without grace.

        Raises `UnknownError`; `ConflictError` for a run that has ended.
        """
        now = self._clock()
        with self._database.write() as connection:
            run = _existing(read_run(connection, run_id), run_id)
            if run.state in RUN_TERMINAL:
                raise ConflictError(f"run {run_id} has ended already: it {run.state}")
            payload = {"by": by, "forced": forced, "reason": str(Reason.CANCELLED_BY_USER)}
            insert_signals(connection, [(run_id, NewSignal(kind="cancel", payload=payload, due_at=now))])
        wake(self._broker, [run_id])
        return run

    def pause(self, namespace: str, name: str, *, reason: str, by: str) -> WorkflowRow:
        """Stop a workflow's triggers. Runs go on. Pausing twice changes nothing. Raises `UnknownError`."""
        return self._switch(namespace, name, lambda c, w: revisions.pause(c, w.id, by, reason, self._clock()))

    def resume(self, namespace: str, name: str) -> WorkflowRow:
        """Let a workflow's triggers fire again; the time meanwhile is not caught up. Raises `UnknownError`."""
        return self._switch(namespace, name, lambda c, w: revisions.resume(c, w.id, self._clock()))

    def _switch(self, namespace: str, name: str, switch: Callable[[Connection, WorkflowRow], object]) -> WorkflowRow:
        with self._database.write() as connection:
            switch(connection, _known(read_workflow(connection, namespace, name), namespace, name))
            return _known(read_workflow(connection, namespace, name), namespace, name)

    def _build(
        self,
        workflow: WorkflowRow,
        inputs: Mapping[str, Any],
        labels: Mapping[str, str],
        revision_id: str | None,
        retry_of: str | None = None,
    ) -> Run:
        if revision_id is None:
            raise ConflictError(f"{workflow.namespace}/{workflow.name} has no revision that could run")
        revision = self._revisions.get(revision_id)
        if faults := check_inputs(revision.graph, inputs):
            raise InvalidInputsError(f"the inputs do not fit {workflow.namespace}/{workflow.name}", faults)
        now = self._clock()
        with self._evaluating:
            run = new_run(
                run_id=self._ids(),
                graph=revision.graph,
                workflow_id=workflow.id,
                revision_id=revision_id,
                revision=revision.number,
                trigger={"kind": MANUAL, "fired_at": now.isoformat()},
                inputs=inputs,
                now=now,
                labels=labels,
                retry_of=retry_of,
                commit=revision.commit,
            )
        if run.fault:
            raise InvalidInputsError(run.fault, [])
        return run

    def _create(self, run: Run, scope: str, once: Once | None) -> Run | Replay:
        with self._database.write() as connection:
            if once is not None:
                answer = StoredAnswer(once.body_digest, once.status, once.answer(run))
                if not keep_answer(connection, scope, once.key, answer, run.created_at):
                    found = find_answer(connection, scope, once.key, run.created_at)
                    assert found is not None, "an answer that is in the way can be read"
                    return _replay(found, once)
            create_runs(connection, [run])
        wake(self._broker, [run.id])
        return run


def _scope(workflow: WorkflowRow) -> str:
    return f"runs:{workflow.id}"


def _replay(found: StoredAnswer, once: Once) -> Replay:
    if found.body_digest != once.body_digest:
        raise KeyReusedError(
            f"the idempotency key {once.key!r} was used for another request in the last 24 hours\n"
            "  hint: draw a new key for each new request"
        )
    return Replay(found.response)


def _known(workflow: WorkflowRow | None, namespace: str, name: str) -> WorkflowRow:
    if workflow is None:
        raise UnknownError(f"there is no workflow {namespace}/{name}")
    return workflow


def _runnable(workflow: WorkflowRow | None, namespace: str, name: str) -> WorkflowRow:
    known = _known(workflow, namespace, name)
    if known.archived_at is not None:
        raise ConflictError(f"workflow {namespace}/{name} was removed from its source; it does not run any more")
    return known


def _existing(run: RunRow | None, run_id: str) -> RunRow:
    if run is None:
        raise UnknownError(f"there is no run {run_id}")
    return run


def _taken_over(run: Run, graph: Graph, succeeded: list[TaskRow]) -> dict[str, TaskRun]:
    """Return the new run's rows for what succeeded before, together with all that it needs."""
    before = {row.task: row for row in succeeded if row.index is None}
    taken: dict[str, TaskRun] = {}
    for name in graph.stages[Stage.MAIN]:
        row = before.get(name)
        if row is not None and all(need in taken for need in run.workflow.tasks[name].needs):
            taken[name] = _reused(run, row)
    return taken


def _reused(run: Run, row: TaskRow) -> TaskRun:
    return TaskRun(
        id=f"{run.id}-{row.ordinal}",
        task=row.task,
        ordinal=row.ordinal,
        key=row.key,
        state=TaskState.SUCCEEDED,
        reason=Reason.REUSED,
        message=f"taken over from task run {row.id}",
        finished_at=run.created_at,
        outputs=row.outputs,
        pool=row.pool,
        kind=row.kind,
        reused_from=row.reused_from or row.id,
    )
