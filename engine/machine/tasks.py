"""The task run's arrows, T1 to T11: ready, started, ended, stopped."""

from datetime import UTC, datetime, timedelta

from dsl.expressions import ExpressionError, Field
from dsl.model import Task
from engine.machine import status
from engine.machine.changes import Dispatch, StopAttempt
from engine.machine.context import task_lookup
from engine.machine.model import TaskRun, attempt_name
from engine.machine.retrying import retry_delay
from engine.machine.states import Reason, TaskState
from engine.machine.step import Step
from engine.machine.values import output_faults


def settle_ready(step: Step) -> None:
    """Give every task whose needs have ended its turn, until none is left."""
    while step.ready:
        task_id = step.ready.popleft()
        if task_id in step.execution.unmet:
            _ready(step, task_id)


def _ready(step: Step, task_id: str) -> None:
    task = step.run.workflow.tasks[task_id]
    task_run = step.execution.create(task_id)
    try:
        wanted = _condition(step, task)
    except ExpressionError as error:
        end(step, task_run, TaskState.FAILED, Reason.EXPRESSION, _located(step, task, error))
        return
    if wanted:
        _start(step, task, task_run)
    else:
        _skip(step, task, task_run)


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


def _start(step: Step, task: Task, task_run: TaskRun) -> None:
    if task.kind == "set":
        _set(step, task, task_run)
    elif task.kind == "wait":
        _wait(step, task, task_run)
    else:
        queue(step, task_run)


def queue(step: Step, task_run: TaskRun) -> None:
    """A1: queue the next attempt and have it offered to the pool after the commit."""
    step.move(task_run, TaskState.QUEUED, None, "")
    task_run.attempt += 1
    task_run.queued_at, task_run.due_at = step.now, None
    task_run.claim_id = task_run.session = task_run.worker = task_run.reply_to = None
    task_run.attempt_started_at = task_run.deadline_at = None
    step.command(Dispatch(attempt_name(task_run.id, task_run.attempt), task_run.pool, task_run.kind))


def _set(step: Step, task: Task, task_run: TaskRun) -> None:
    task_run.started_at = step.now
    try:
        outputs = step.execution.graph.evaluator.resolve(
            Field.SET_VALUE, task.spec.get("values", {}), task_lookup(step.execution, task), task_id=task.id
        )
    except ExpressionError as error:
        end(step, task_run, TaskState.FAILED, Reason.EXPRESSION, _located(step, task, error))
        return
    if faults := output_faults(outputs, task.outputs):
        end(step, task_run, TaskState.FAILED, Reason.INVALID_OUTPUT, "; ".join(faults))
        return
    task_run.outputs = outputs
    end(step, task_run, TaskState.SUCCEEDED, None, "")


def _wait(step: Step, task: Task, task_run: TaskRun) -> None:
    task_run.started_at = step.now
    try:
        until = _until(step, task)
    except ExpressionError as error:
        end(step, task_run, TaskState.FAILED, Reason.EXPRESSION, _located(step, task, error))
        return
    if until <= step.now:
        end(step, task_run, TaskState.SUCCEEDED, None, "")
        return
    hold(step, task_run, until, Reason.WAIT, f"waits until {until.isoformat()}")


def _until(step: Step, task: Task) -> datetime:
    if "seconds" in task.spec:
        return step.now + timedelta(seconds=float(task.spec["seconds"]))
    text = step.execution.graph.evaluator.resolve(
        Field.WAIT_UNTIL, task.spec["until"], task_lookup(step.execution, task), task_id=task.id
    )
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ExpressionError(str(task.spec["until"]), f"{text!r} is not an RFC 3339 time") from error
    if moment.tzinfo is None:
        raise ExpressionError(str(task.spec["until"]), f"{text!r} has no offset from UTC")
    return moment.astimezone(UTC)


def hold(step: Step, task_run: TaskRun, until: datetime, reason: Reason, message: str) -> None:
    """Let the task run wait for a timer that belongs to its current attempt number."""
    step.move(task_run, TaskState.WAITING, reason, message)
    task_run.due_at = until
    name = attempt_name(task_run.id, task_run.attempt)
    step.signal("task_timer", until, f"timer:{name}", task_run_id=task_run.id, attempt=task_run.attempt)


def timer(step: Step, task_run: TaskRun | None, attempt: int) -> None:
    """T7: a retry's delay or a wait is over."""
    if task_run is None or task_run.state is not TaskState.WAITING or task_run.attempt != attempt:
        step.ignore()
    elif task_run.reason is Reason.RETRY:
        queue(step, task_run)
    else:
        task_run.due_at = None
        end(step, task_run, TaskState.SUCCEEDED, None, "")


def retry(step: Step, task_run: TaskRun, message: str) -> None:
    """T8: queue the next attempt, at once or after its delay."""
    policy = step.task_of(task_run).retry
    delay = retry_delay(policy, task_run.attempt, attempt_name(task_run.id, task_run.attempt))
    if not delay:
        queue(step, task_run)
        return
    note = f"attempt {task_run.attempt} of {policy.max_attempts} failed: {message}"
    hold(step, task_run, step.now + delay, Reason.RETRY, note)


def end(step: Step, task_run: TaskRun, state: TaskState, reason: Reason | None, message: str) -> None:
    """End a task run and make ready what waited only for it."""
    execution = step.execution
    step.move(task_run, state, reason, message)
    task_run.finished_at, task_run.due_at = step.now, None
    execution.open -= 1
    execution.note_end(task_run)
    for below in execution.graph.dependents[task_run.task]:
        if below in execution.unmet:
            execution.unmet[below] -= 1
            if execution.unmet[below] == 0:
                step.ready.append(below)


def stop_all(step: Step, reason: Reason, *, forced: bool) -> None:
    """R7: T9 on what has not started, T10 on what runs."""
    for task_run in list(step.run.live()):
        if task_run.state is TaskState.RUNNING:
            _stop_running(step, task_run, reason, forced=forced)
        else:
            end(step, task_run, TaskState.CANCELLED, reason, "")
    for name in list(step.execution.unmet):
        task = step.run.workflow.tasks[name]
        if forced or not status.outlives_cancel(task):
            end(step, step.execution.create(name), TaskState.CANCELLED, reason, "")


def _stop_running(step: Step, task_run: TaskRun, reason: Reason, *, forced: bool) -> None:
    task_run.stop = True
    step.touch(task_run)
    name = attempt_name(task_run.id, task_run.attempt)
    step.command(StopAttempt(task_run.reply_to, name, task_run.claim_id or "", str(reason), forced))


def _located(step: Step, task: Task, error: ExpressionError) -> str:
    return f"{step.run.workflow.path}:{task.line}: task '{task.id}': {error}"
