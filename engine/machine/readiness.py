"""Tasks whose needs have all ended get their turn: skipped, failed, or begun (T1, T2)."""

from dsl.expressions import ExpressionError, Field
from dsl.model import Task
from engine.machine import fan_out, status
from engine.machine.context import task_lookup
from engine.machine.ending import end
from engine.machine.model import TaskRun
from engine.machine.starting import begin
from engine.machine.states import Reason, TaskState
from engine.machine.step import Step
from engine.machine.wording import located


def settle(step: Step) -> None:
    """Give every task and fan-out that has become ready its turn, until none is left."""
    while step.ready or step.fans:
        if not step.ready:
            fan_out.settle(step, step.fans.popleft())
            continue
        task_id = step.ready.popleft()
        if task_id in step.execution.unmet:
            _ready(step, task_id)


def _ready(step: Step, task_id: str) -> None:
    task = step.execution.graph.tasks[task_id]
    task_run = step.execution.create(task_id)
    try:
        wanted = _condition(step, task)
    except ExpressionError as error:
        end(step, task_run, TaskState.FAILED, Reason.EXPRESSION, located(step, task, error))
        return
    if not wanted:
        _skip(step, task, task_run)
    elif task.fan_out is not None:
        fan_out.expand(step, task, task_run)
    else:
        begin(step, task, task_run)


def _condition(step: Step, task: Task) -> bool:
    if task.condition is None:
        return status.success(step.execution, task)
    if not status.names_status(task.condition) and not status.success(step.execution, task):
        return False
    lookup = task_lookup(step.execution, task)
    return step.execution.graph.evaluator.condition(Field.TASK_IF, task.condition, lookup, task_id=task.id)


def _skip(step: Step, task: Task, task_run: TaskRun) -> None:
    if step.run.stop is not None:
        end(step, task_run, TaskState.CANCELLED, step.run.stop, "")
    elif status.failure(step.execution, task):
        end(step, task_run, TaskState.SKIPPED, Reason.UPSTREAM_FAILED, "a task that it needs failed")
    elif task.condition is None or (not status.success(step.execution, task)):
        end(step, task_run, TaskState.SKIPPED, Reason.CONDITION, "a task that it needs was skipped")
    else:
        end(step, task_run, TaskState.SKIPPED, Reason.CONDITION, f"its condition is false: {task.condition}")
