"""What a worker is told when an attempt is granted: the task's block and environment with every expression resolved."""

from collections.abc import Iterator
from typing import Any

from dsl.expressions import Lookup
from dsl.model import Task
from engine.machine.changes import Gathered, GrantAttempt
from engine.machine.context import task_lookup
from engine.machine.model import TaskRun, attempt_name
from engine.machine.resources import fenced
from engine.machine.sealed import Sealed, names_of, resolve
from engine.machine.states import TaskState
from engine.machine.step import Step


def grant(step: Step, task_run: TaskRun, reply_to: str) -> GrantAttempt:
    """Return the grant of the current attempt. Raises `dsl.expressions.ExpressionError`.

    The same attempt gives the same grant whenever it is asked for: all that its expressions may name has ended. One
    that names secrets comes sealed: who sends it puts their values in.
    """
    task = step.task_of(task_run)
    lookup = task_lookup(step.execution, task, task_run)
    environment = _environment(step, task_run)
    wanted, sealed = _sealed(step, task, lookup, environment)
    spec: dict[str, Any] = {}
    env: dict[str, str] = {}
    if sealed is None:
        spec, env = resolve(step.execution.graph.evaluator, step.run.workflow, task, lookup)
        env |= environment
    return GrantAttempt(
        reply_to=reply_to,
        attempt=attempt_name(task_run.id, task_run.attempt),
        claim_id=task_run.claim_id or "",
        kind=task.kind,
        spec=spec,
        env=env,
        outputs={name: str(kind) for name, kind in task.outputs.items()},
        timeout_seconds=task.timeout_seconds,
        grace_seconds=task.grace_seconds,
        fenced=fenced(step.run, task),
        namespace=step.run.workflow.namespace,
        secrets=wanted,
        sealed=sealed,
        artifacts=task.artifacts,
        gathered=tuple(_gathered(step, task)),
        starts_at=step.run.revision_id if task.checkout else None,
        trace=step.run.trace,
    )


def _gathered(step: Step, task: Task) -> Iterator[Gathered]:
    """Give what left the artifacts of the tasks that this one needs; a result taken over has those of its origin."""
    for need in task.needs:
        needed, task_run = step.execution.graph.tasks[need], step.run.tasks.get(need)
        if not needed.artifacts or task_run is None:
            continue
        expected = task_run.state is TaskState.SUCCEEDED and needed.fan_out is None
        yield Gathered(need, task_run.reused_from or task_run.id, expected)
        for item in step.run.items.get(need, ()):
            if item.reused_from is not None:
                yield Gathered(f"{need}/{item.index}", item.reused_from, expected=True)


def _sealed(
    step: Step, task: Task, lookup: Lookup, environment: dict[str, str]
) -> tuple[tuple[str, ...], Sealed | None]:
    """Return the secrets that the grant names and what it is to be made of with them; nothing if it names none."""
    workflow, evaluator = step.run.workflow, step.execution.graph.evaluator
    if not (workflow.secrets or task.secrets):
        return (), None
    names = names_of(evaluator, workflow, task)
    if not names.secrets:
        return (), None
    seen = {name: lookup(name) for name in names.others}
    return names.secrets, Sealed(evaluator, workflow, task, seen, environment)


def _environment(step: Step, task_run: TaskRun) -> dict[str, str]:
    """Return what every attempt is told about itself."""
    run = step.run
    environment = {
        "CHRONOVERSE_RUN_ID": run.id,
        "CHRONOVERSE_TASK": task_run.task,
        "CHRONOVERSE_ATTEMPT": str(task_run.attempt),
        "CHRONOVERSE_NAMESPACE": run.workflow.namespace,
        "CHRONOVERSE_WORKFLOW": run.workflow.name,
    }
    if task_run.index is not None:
        environment["CHRONOVERSE_TASK_KEY"] = task_run.key
    return environment
