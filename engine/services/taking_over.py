"""Which tasks of an ended run a new one takes over, and why it does not take over the others. Pure.

Only main tasks are taken over, and a task only together with all that it needs: hooks run again whenever their turn
comes, and a fan-out is taken over whole or not at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dsl.model import Task
from engine.machine.execution import Execution
from engine.machine.fingerprints import HALF, HAS, definition, fingerprint, task_print, values_of
from engine.machine.graph import Graph, Stage
from engine.machine.model import Run, TaskRun
from engine.machine.states import Reason, TaskState
from engine.services.verdicts import Verdict

NAMED_MAX = 5
"""How many names a message lists."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one task, with a sentence for a person."""

    task: str
    verdict: Verdict
    message: str

    @property
    def reused(self) -> bool:
        """Whether the task is taken over."""
        return self.verdict is Verdict.REUSED


Judge = Callable[[Task, TaskRun], tuple[Verdict, str]]
"""Says whether a task run that may be taken over is; all that the task needs has been."""


def take_over(
    run: Run, graph: Graph, before: Mapping[str, TaskRun], may: Callable[[TaskRun], bool], judge: Judge
) -> list[Decision]:
    """Enter into the new run what it takes over from the task runs `before`; return what becomes of each main task."""
    decisions = []
    for name in graph.stages[Stage.MAIN]:
        task, earlier = graph.tasks[name], before.get(name)
        verdict, message = _judged(run, task, earlier, may, judge)
        if verdict is Verdict.REUSED:
            assert earlier is not None
            run.tasks[name] = _reused(run, graph, task, earlier)
        decisions.append(Decision(name, verdict, message))
    return decisions


def _judged(
    run: Run, task: Task, earlier: TaskRun | None, may: Callable[[TaskRun], bool], judge: Judge
) -> tuple[Verdict, str]:
    if earlier is None:
        return Verdict.NEW, "the earlier run did not come to it, or did not have it"
    if not may(earlier):
        return Verdict.NOT_SUCCEEDED, f"it {_ended(earlier)}"
    if again := [need for need in task.needs if need not in run.tasks]:
        return Verdict.UPSTREAM_RUNS, f"it needs {_listed(again)}, which runs"
    return judge(task, earlier)


def succeeded(earlier: TaskRun) -> bool:
    """Whether the task run succeeded, or was skipped by its condition."""
    return earlier.state is TaskState.SUCCEEDED or (
        earlier.state is TaskState.SKIPPED and earlier.reason is Reason.CONDITION
    )


def unless_chosen(chosen: str) -> Judge:
    """Judge by the choice of a task: it runs, and with it all below it; everything else is taken over."""

    def judge(task: Task, _earlier: TaskRun) -> tuple[Verdict, str]:
        if task.id == chosen:
            return Verdict.CHOSEN, "it was chosen"
        return Verdict.REUSED, "it is not below the chosen task"

    return judge


def whatever(_task: Task, _earlier: TaskRun) -> tuple[Verdict, str]:
    """Take over all that may be."""
    return Verdict.REUSED, "it succeeded"


def if_unchanged(execution: Execution, before: Execution) -> Judge:
    """Judge by the fingerprint that was kept when the task ended: `execution` is of the new run, `before` of the old.

    The new run's tasks are entered into `execution` as they are taken over.
    """

    def judge(task: Task, earlier: TaskRun) -> tuple[Verdict, str]:
        if earlier.fingerprint is None:
            return Verdict.UNKNOWN_BASIS, "it ended before it was noted what its outputs rest on"
        now = fingerprint(execution, task)
        if now[:HALF] != earlier.fingerprint[:HALF]:
            return Verdict.DEFINITION_CHANGED, _definition_changes(execution, before, task)
        if now[HALF:] != earlier.fingerprint[HALF:]:
            return Verdict.INPUTS_CHANGED, _value_changes(execution, before, task)
        return Verdict.REUSED, "neither it nor anything it rests on has changed"

    return judge


def _definition_changes(execution: Execution, before: Execution, task: Task) -> str:
    earlier = before.graph.tasks.get(task.id)
    if earlier is None:
        return "it is defined in another way"
    old, new = definition(before.graph.workflow, earlier), definition(execution.graph.workflow, task)
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return f"its definition has changed: {_listed(names)}" if names else "it is defined in another way"


def _value_changes(execution: Execution, before: Execution, task: Task) -> str:
    names = task_print(execution.graph, task).names
    old = values_of(before, before.graph.tasks.get(task.id, task), names)
    new = values_of(execution, task, names)
    missing = object()
    changed = [name.removeprefix(HAS) for name in names if old.get(name, missing) != new.get(name, missing)]
    return f"what it uses has changed: {_listed(sorted(set(changed)))}" if changed else "what it uses has changed"


def _ended(earlier: TaskRun) -> str:
    match earlier.state:
        case TaskState.FAILED:
            return "failed"
        case TaskState.CANCELLED:
            return "was cancelled"
        case TaskState.SKIPPED:
            return "was skipped, for something before it failed"
        case _:
            return "did not end"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED_MAX])
    return shown if len(names) <= NAMED_MAX else f"{shown} and {len(names) - NAMED_MAX} more"


def _reused(run: Run, graph: Graph, task: Task, earlier: TaskRun) -> TaskRun:
    ordinal = graph.ordinals[task.id]
    return TaskRun(
        id=f"{run.id}-{ordinal}",
        task=task.id,
        ordinal=ordinal,
        state=earlier.state,
        reason=Reason.REUSED if earlier.state is TaskState.SUCCEEDED else earlier.reason,
        message=f"taken over from task run {earlier.id}",
        finished_at=run.created_at,
        outputs=earlier.outputs,
        pool=task.pool,
        kind=task.kind,
        reused_from=earlier.reused_from or earlier.id,
        fingerprint=earlier.fingerprint,
    )
