"""The attempts of `workflow` tasks: their child run is there, has ended, takes too long."""

from engine.machine.ending import cancel_child
from engine.machine.events import ChildEnded, ChildStarted
from engine.machine.model import TaskRun
from engine.machine.states import AttemptState, Reason, RunState, TaskState
from engine.machine.step import Step
from engine.machine.trying import close


def started(step: Step, event: ChildStarted) -> None:
    """A child run is there; the task that does not wait for it is done."""
    task_run = step.find(event.task_run_id)
    if task_run is None or not _current(task_run, event.attempt) or step.task_of(task_run).spec.get("wait", True):
        step.ignore()
        return
    close(step, task_run, AttemptState.SUCCEEDED, None, "", outputs={"run_id": task_run.child_run})


def ended(step: Step, event: ChildEnded) -> None:
    """T8, T11: the child run of the current attempt has ended, or could not begin."""
    task_run = step.find(event.task_run_id)
    if task_run is None or not _current(task_run, event.attempt):
        step.ignore()
    elif event.state is RunState.SUCCEEDED:
        close(step, task_run, AttemptState.SUCCEEDED, None, "", outputs=event.outputs)
    elif task_run.stop:
        close(step, task_run, AttemptState.CANCELLED, None, event.message)
    else:
        named = f"run {event.run_id} {event.state}" if event.run_id else "the child run could not begin"
        message = f"{named}: {event.message}" if event.message else named
        close(step, task_run, AttemptState.FAILED, Reason.CHILD_FAILED, message)


def overdue(step: Step, task_run: TaskRun) -> None:
    """The time of the current attempt is over: its child run is cancelled and no longer waited for."""
    cancel_child(step, task_run, Reason.TIMEOUT)
    message = f"child run {task_run.child_run} did not end in time"
    close(step, task_run, AttemptState.FAILED, Reason.TIMEOUT, message)


def _current(task_run: TaskRun, attempt: int) -> bool:
    return task_run.state is TaskState.RUNNING and task_run.child_run is not None and task_run.attempt == attempt
