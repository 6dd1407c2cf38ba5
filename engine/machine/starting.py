"""How a task run begins, by what it takes (T4), what is known already (cache), and its kind (T5, T6)."""

from datetime import UTC, datetime, timedelta

from dsl.expressions import ExpressionError, Field
from dsl.model import Task
from engine.machine import children
from engine.machine.changes import CacheLookup, Dispatch
from engine.machine.context import task_lookup
from engine.machine.ending import end
from engine.machine.model import TaskRun, attempt_name
from engine.machine.resources import acquire_for_task, wants_of_task
from engine.machine.states import Reason, TaskState
from engine.machine.step import Step
from engine.machine.values import output_faults
from engine.machine.wording import as_text, located


def begin(step: Step, task: Task, task_run: TaskRun) -> None:
    """Begin a task run whose turn has come: first what it takes, then what a cache knows, then its kind."""
    if wants := wants_of_task(step.run, task):
        acquire_for_task(step, task_run, wants)
    else:
        proceed(step, task, task_run)


def proceed(step: Step, task: Task, task_run: TaskRun) -> None:
    """Go on with a task run that holds all it wants."""
    if task.cache is None:
        start(step, task, task_run)
        return
    try:
        key = cache_key(step, task, task_run)
    except ExpressionError as error:
        end(step, task_run, TaskState.FAILED, Reason.EXPRESSION, located(step, task, error))
        return
    step.changes.lookups.append(CacheLookup(task_run.id, task.id, key, artifacts=bool(task.artifacts)))


def cache_key(step: Step, task: Task, task_run: TaskRun) -> str:
    """Return the text under which the task run's outputs are kept. Raises `ExpressionError`."""
    assert task.cache is not None
    lookup = task_lookup(step.execution, task, task_run)
    return as_text(step.execution.graph.evaluator.resolve(Field.CACHE_KEY, task.cache.key, lookup, task_id=task.id))


def start(step: Step, task: Task, task_run: TaskRun) -> None:
    """T5, T6: carry out what the engine does itself, and queue what a worker does."""
    try:
        match task.kind:
            case "set":
                _set(step, task, task_run)
            case "wait":
                _wait(step, task, task_run)
            case "approval":
                _approval(step, task, task_run)
            case "workflow":
                children.begin(step, task, task_run)
            case _:
                queue(step, task_run)
    except ExpressionError as error:
        end(step, task_run, TaskState.FAILED, Reason.EXPRESSION, located(step, task, error))


def again(step: Step, task_run: TaskRun) -> None:
    """T7: begin the next attempt."""
    start(step, step.task_of(task_run), task_run)


def queue(step: Step, task_run: TaskRun) -> None:
    """A1: queue the next attempt and have it offered to the pool after the commit."""
    step.move(task_run, TaskState.QUEUED, None, "")
    task_run.attempt += 1
    task_run.queued_at, task_run.due_at = step.now, None
    task_run.claim_id = task_run.session = task_run.worker = task_run.reply_to = None
    task_run.attempt_started_at = task_run.deadline_at = None
    step.command(Dispatch(attempt_name(task_run.id, task_run.attempt), task_run.pool, task_run.kind))


def hold(step: Step, task_run: TaskRun, until: datetime, reason: Reason, message: str) -> None:
    """Let the task run wait for a timer that belongs to its current attempt number."""
    step.move(task_run, TaskState.WAITING, reason, message)
    task_run.due_at = until
    name = attempt_name(task_run.id, task_run.attempt)
    step.signal("task_timer", until, f"timer:{name}", task_run_id=task_run.id, attempt=task_run.attempt)


def _set(step: Step, task: Task, task_run: TaskRun) -> None:
    task_run.started_at = step.now
    lookup = task_lookup(step.execution, task, task_run)
    values = task.spec.get("values", {})
    outputs = step.execution.graph.evaluator.resolve(Field.SET_VALUE, values, lookup, task_id=task.id)
    if faults := output_faults(outputs, task.outputs):
        end(step, task_run, TaskState.FAILED, Reason.INVALID_OUTPUT, "; ".join(faults))
        return
    task_run.outputs = outputs
    end(step, task_run, TaskState.SUCCEEDED, None, "")


def _wait(step: Step, task: Task, task_run: TaskRun) -> None:
    task_run.started_at = step.now
    until = _until(step, task, task_run)
    if until <= step.now:
        end(step, task_run, TaskState.SUCCEEDED, None, "")
    else:
        hold(step, task_run, until, Reason.WAIT, f"waits until {until.isoformat()}")


def _until(step: Step, task: Task, task_run: TaskRun) -> datetime:
    if "seconds" in task.spec:
        return step.now + timedelta(seconds=float(task.spec["seconds"]))
    lookup = task_lookup(step.execution, task, task_run)
    text = step.execution.graph.evaluator.resolve(Field.WAIT_UNTIL, task.spec["until"], lookup, task_id=task.id)
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ExpressionError(str(task.spec["until"]), f"{text!r} is not an RFC 3339 time") from error
    if moment.tzinfo is None:
        raise ExpressionError(str(task.spec["until"]), f"{text!r} has no offset from UTC")
    return moment.astimezone(UTC)


def _approval(step: Step, task: Task, task_run: TaskRun) -> None:
    task_run.started_at = step.now
    lookup = task_lookup(step.execution, task, task_run)
    message = task.spec["message"]
    asked = as_text(step.execution.graph.evaluator.resolve(Field.APPROVAL_MESSAGE, message, lookup, task_id=task.id))
    seconds = task.spec.get("timeout_seconds")
    if seconds is None:
        step.move(task_run, TaskState.WAITING, Reason.APPROVAL, asked)
    else:
        hold(step, task_run, step.now + timedelta(seconds=seconds), Reason.APPROVAL, asked)
