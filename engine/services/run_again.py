"""Running an ended run again: all of it (rerun), what is left (retry), or what is no longer valid (resume)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from dsl.suggest import did_you_mean
from engine.machine.execution import Execution
from engine.machine.graph import Graph, Stage
from engine.machine.model import Run, TaskRun
from engine.machine.states import RUN_TERMINAL, RunState, TaskState
from engine.services.making_runs import Once, Replay, RunMaker, existing, runnable
from engine.services.refusals import ConflictError, UnknownError
from engine.services.revision_cache import ReadyRevision
from engine.services.taking_over import Decision, if_unchanged, succeeded, take_over, unless_chosen, whatever
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.reads_runs import RunRow
from engine.store.reads_workflows import WorkflowRow, read_revision, read_workflow
from engine.store.runs import WorkflowCache, load_runs

Revision = Literal["latest", "original"] | int
"""Which revision a run runs on: the active one, that of the earlier run, or one by its number."""

LATEST: Final = "latest"
ORIGINAL: Final = "original"


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a resume does with each main task; the run is None where it was only asked what it would do."""

    run: Run | None
    revision: int
    tasks: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The run that is run again, and what it is run again on."""

    row: RunRow
    run: Run
    workflow: WorkflowRow
    revision: ReadyRevision


class RunAgain:
    """The actions on ended runs. Every method may be called from any thread."""

    def __init__(self, database: Database, maker: RunMaker) -> None:
        self._database = database
        self._maker = maker

    def retry(self, run_id: str, *, start: str | None = None, once: Once | None = None) -> Run | Replay:
        """Create a run of the same revision and inputs that takes over what succeeded and does the rest again.

        With `start`, that task and all below it are done again too, whatever became of them. Raises `UnknownError`;
        `ConflictError` for a run that goes on, or that succeeded when no task is named; `KeyReusedError`.
        """
        scope = f"retry:{run_id}"
        if replay := self._maker.replay(scope, once):
            return replay
        earlier = self._earlier(run_id, ORIGINAL)
        if earlier.row.state == RunState.SUCCEEDED and start is None:
            raise ConflictError(
                f"run {run_id} succeeded: nothing is left to retry\n  hint: rerun it, or say from which task"
            )
        run = self._build(earlier, {}, retry_of=run_id)
        _take_over(run, earlier, start)
        return self._maker.create(run, scope, once) or run

    def rerun(
        self,
        run_id: str,
        *,
        revision: Revision = LATEST,
        start: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        once: Once | None = None,
    ) -> Run | Replay:
        """Create a run with the inputs of an earlier one, but for those given, on a revision of choice.

        With `start`, what is not that task or below it is taken over as it is, if it succeeded; then the inputs stay.
        Raises as `retry` does, and `InvalidInputsError`. Without `start` the earlier run may still be on its way.
        """
        scope = f"rerun:{run_id}"
        if replay := self._maker.replay(scope, once):
            return replay
        if start is not None and inputs:
            raise ConflictError(
                "what is before the chosen task was worked out with the earlier inputs, so they cannot be changed\n"
                "  hint: resume the run with these inputs: it finds out by itself what must run again"
            )
        earlier = self._earlier(run_id, revision, ended=start is not None)
        run = self._build(earlier, inputs or {}, retry_of=None if start is None else run_id)
        if start is not None:
            _take_over(run, earlier, start)
        return self._maker.create(run, scope, once) or run

    def resume(
        self,
        run_id: str,
        *,
        revision: Revision = LATEST,
        inputs: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        once: Once | None = None,
    ) -> Resumed | Replay:
        """Create a run that takes over what is still valid, and say of each task why it is, or is not.

        A task is valid if it succeeded, its definition and the values that its expressions use are the same, and all
        that it needs is valid. Raises as `rerun` does; `ConflictError` too if nothing would run.
        """
        scope = f"resume:{run_id}"
        if not dry_run and (replay := self._maker.replay(scope, once)):
            return replay
        earlier = self._earlier(run_id, revision)
        run = self._build(earlier, inputs or {}, retry_of=run_id)
        before = Execution.of(earlier.run, self._maker.revision(earlier.run.revision_id, earlier.workflow).graph)
        graph = earlier.revision.graph
        judge = if_unchanged(Execution.of(run, graph), before)
        tasks = tuple(take_over(run, graph, _tasks_of(earlier.run), succeeded, judge))
        if dry_run:
            return Resumed(None, run.revision, tasks)
        if all(decision.reused for decision in tasks):
            raise ConflictError(
                f"nothing of run {run_id} would run again: every task is still valid\n  hint: rerun it to run it all"
            )
        resumed = Resumed(run, run.revision, tasks)
        return self._maker.create(run, scope, once, resumed) or resumed

    def _earlier(self, run_id: str, wanted: Revision, *, ended: bool = True) -> _Earlier:
        with self._database.read() as connection:
            row = existing(connection, run_id)
            if ended and row.state not in RUN_TERMINAL:
                raise ConflictError(f"run {run_id} has not ended\n  hint: cancel it first, or wait for its end")
            run = load_runs(connection, [run_id], WorkflowCache())[run_id]
            workflow = runnable(read_workflow(connection, row.namespace, row.name), row.namespace, row.name)
            revision_id = _revision_id(connection, workflow, row, wanted)
        return _Earlier(row, run, workflow, self._maker.revision(revision_id, workflow))

    def _build(self, earlier: _Earlier, inputs: Mapping[str, Any], *, retry_of: str | None) -> Run:
        """Build the run; `inputs` win over the earlier ones, of which null is what stands for none."""
        before = {name: value for name, value in earlier.run.inputs.items() if value is not None}
        return self._maker.build(
            earlier.workflow,
            earlier.revision,
            {**before, **inputs},
            earlier.row.labels,
            trigger=earlier.run.trigger,
            retry_of=retry_of,
        )


def _revision_id(connection: Connection, workflow: WorkflowRow, row: RunRow, wanted: Revision) -> str | None:
    if wanted == LATEST:
        return workflow.active_revision_id
    if wanted == ORIGINAL:
        return row.revision_id
    assert isinstance(wanted, int), "the type says so"
    found = read_revision(connection, workflow.id, wanted)
    if found is None:
        raise UnknownError(
            f"{workflow.namespace}/{workflow.name} has no revision {wanted}\n"
            f"  hint: it has 1 to {workflow.revision_count}"
        )
    return found[0].id


def _take_over(run: Run, earlier: _Earlier, start: str | None) -> None:
    graph = earlier.revision.graph
    if start is None:
        take_over(run, graph, _tasks_of(earlier.run), succeeded, whatever)
        return
    _check_main(graph, start)

    def may(task_run: TaskRun) -> bool:
        return succeeded(task_run) or _allowed(graph, task_run)

    take_over(run, graph, _tasks_of(earlier.run), may, unless_chosen(start))


def _allowed(graph: Graph, task_run: TaskRun) -> bool:
    """Whether it failed and was allowed to: where a task is chosen, nothing else is done again without need."""
    task = graph.tasks.get(task_run.task)
    return task is not None and task.allow_failure and task_run.state is TaskState.FAILED


def _tasks_of(run: Run) -> dict[str, TaskRun]:
    return {name: task_run for name, task_run in run.tasks.items() if task_run.terminal}


def _check_main(graph: Graph, task: str) -> None:
    mains = graph.stages[Stage.MAIN]
    if task in mains:
        return
    if task in graph.tasks:
        raise ConflictError(f"task '{task}' is a hook\n  hint: hooks run again by themselves; name a main task")
    hint = did_you_mean(task, mains, f"its tasks are: {', '.join(mains[:10])}")
    raise UnknownError(f"there is no task '{task}' in this revision\n  hint: {hint}")
