"""What a worker is told when an attempt is granted: the task's block and environment with every expression resolved."""

from dsl.expressions import Field
from engine.machine.changes import GrantAttempt
from engine.machine.context import run_lookup, task_lookup
from engine.machine.model import TaskRun, attempt_name
from engine.machine.resources import fenced
from engine.machine.step import Step
from engine.machine.wording import as_text


def grant(step: Step, task_run: TaskRun, reply_to: str) -> GrantAttempt:
    """Return the grant of the current attempt. Raises `dsl.expressions.ExpressionError`.

    The same attempt gives the same grant whenever it is asked for: all that its expressions may name has ended.
    """
    task = step.task_of(task_run)
    lookup = task_lookup(step.execution, task, task_run)
    spec = step.execution.graph.evaluator.resolve(Field.TASK_SPEC, task.spec, lookup, task_id=task.id)
    return GrantAttempt(
        reply_to=reply_to,
        attempt=attempt_name(task_run.id, task_run.attempt),
        claim_id=task_run.claim_id or "",
        kind=task.kind,
        spec=spec,
        env=_environment(step, task_run),
        outputs={name: str(kind) for name, kind in task.outputs.items()},
        timeout_seconds=task.timeout_seconds,
        grace_seconds=task.grace_seconds,
        fenced=fenced(step.run, task),
    )


def _environment(step: Step, task_run: TaskRun) -> dict[str, str]:
    run, evaluator, task = step.run, step.execution.graph.evaluator, step.task_of(task_run)
    general = evaluator.resolve(Field.WORKFLOW_ENV, run.workflow.env, run_lookup(run)) if run.workflow.env else {}
    own = evaluator.resolve(Field.TASK_ENV, task.env, task_lookup(step.execution, task, task_run), task_id=task.id)
    environment = {name: as_text(value) for name, value in {**general, **own}.items()}
    environment |= {
        "CHRONOVERSE_RUN_ID": run.id,
        "CHRONOVERSE_TASK": task.id,
        "CHRONOVERSE_ATTEMPT": str(task_run.attempt),
        "CHRONOVERSE_NAMESPACE": run.workflow.namespace,
        "CHRONOVERSE_WORKFLOW": run.workflow.name,
    }
    if task_run.index is not None:
        environment["CHRONOVERSE_TASK_KEY"] = task_run.key
    return environment
