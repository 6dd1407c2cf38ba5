"""The run's arrows, R2 to R10: started, stopped, ended."""

from datetime import timedelta

from dsl.expressions import ExpressionError, Field
from engine.machine import tasks
from engine.machine.changes import Acquire
from engine.machine.context import task_lookup
from engine.machine.events import Cancel
from engine.machine.states import Reason, RunState, TaskState
from engine.machine.step import Step


def start(step: Step) -> None:
    """R2, R3, R6: start a queued run, or ask for its turn."""
    run = step.run
    if run.state is not RunState.QUEUED or run.reason is Reason.CONCURRENCY:
        step.ignore()
    elif run.fault:
        finish(step, RunState.FAILED, Reason.INVALID_INPUTS, run.fault)
    elif run.concurrency_resource is not None and run.workflow.concurrency is not None:
        limit = run.workflow.concurrency
        run.reason, run.message = Reason.CONCURRENCY, f"waits for its turn: at most {limit.limit} may run at once"
        step.changes.acquire = Acquire(run.concurrency_resource, limit.limit, str(limit.overlap))
        step.touch_run()
    else:
        _begin(step)


def granted(step: Step) -> None:
    """R2: the run holds all that it asked for."""
    if step.run.state is RunState.QUEUED:
        _begin(step)
    else:
        step.ignore()


def full(step: Step, message: str) -> None:
    """R4: the limit is reached and the workflow says skip."""
    if step.run.state is RunState.QUEUED:
        finish(step, RunState.SKIPPED, Reason.CONCURRENCY, message)
    else:
        step.ignore()


def _begin(step: Step) -> None:
    run, execution = step.run, step.execution
    step.move_run(RunState.RUNNING, None, "")
    run.started_at = step.now
    if run.workflow.timeout_seconds is not None:
        due = step.now + timedelta(seconds=run.workflow.timeout_seconds)
        step.signal("run_timeout", due, f"run_timeout:{run.id}")
    step.ready.extend(name for name, unmet in execution.unmet.items() if unmet == 0)


def cancel(step: Step, event: Cancel) -> None:
    """R5, R7: end a run that has not begun; stop the tasks of one that runs. A forced cancel stops what was spared."""
    run = step.run
    message = f"cancelled by {event.by}" if event.by else ""
    if run.state is RunState.QUEUED:
        finish(step, RunState.CANCELLED, event.reason, message)
    elif run.state is not RunState.RUNNING or (run.stop is not None and (run.forced or not event.forced)):
        step.ignore()
    else:
        run.stop = run.stop or event.reason
        run.forced, run.message = event.forced, run.message or message
        step.touch_run()
        tasks.stop_all(step, run.stop, forced=event.forced)


def timeout(step: Step) -> None:
    """R7: the run's own timeout has passed."""
    run = step.run
    if run.state is not RunState.RUNNING or run.stop is not None:
        step.ignore()
        return
    run.stop, run.message = Reason.TIMEOUT, f"the run's timeout of {run.workflow.timeout_seconds:g} s has passed"
    step.touch_run()
    tasks.stop_all(step, Reason.TIMEOUT, forced=False)


def broken(step: Step, message: str) -> None:
    """R10: the machine itself failed on this run."""
    if step.run.terminal:
        step.ignore()
        return
    step.run.stop = Reason.INTERNAL_ERROR
    for name in list(step.execution.unmet):
        tasks.end(step, step.execution.create(name), TaskState.CANCELLED, Reason.INTERNAL_ERROR, "")
    for task_run in list(step.run.live()):
        tasks.end(step, task_run, TaskState.CANCELLED, Reason.INTERNAL_ERROR, "")
    step.ready.clear()
    finish(step, RunState.FAILED, Reason.INTERNAL_ERROR, message)


def conclude(step: Step) -> None:
    """R9: end a running run whose last task has ended."""
    run, execution = step.run, step.execution
    if run.state is not RunState.RUNNING or execution.open:
        return
    if execution.failed:
        first = run.tasks[execution.failed[0]]
        why = first.message or str(first.reason or "")
        finish(step, RunState.FAILED, Reason.TASK_FAILED, f"task '{first.task}' failed" + (f": {why}" if why else ""))
    elif run.stop is Reason.TIMEOUT:
        finish(step, RunState.FAILED, Reason.TIMEOUT, run.message)
    elif run.stop is not None:
        finish(step, RunState.CANCELLED, run.stop, run.message)
    else:
        _succeed(step)


def _succeed(step: Step) -> None:
    run = step.run
    try:
        outputs = step.execution.graph.evaluator.resolve(
            Field.WORKFLOW_OUTPUT, run.workflow.outputs, task_lookup(step.execution, None)
        )
    except ExpressionError as error:
        finish(step, RunState.FAILED, Reason.INVALID_OUTPUT, f"{run.workflow.path}: outputs: {error}")
        return
    run.outputs = outputs
    finish(step, RunState.SUCCEEDED, None, "")


def finish(step: Step, state: RunState, reason: Reason | None, message: str) -> None:
    """End the run: terminal is final."""
    step.move_run(state, reason, message)
    step.run.finished_at = step.now
    step.changes.ended = True
