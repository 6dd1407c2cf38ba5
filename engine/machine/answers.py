"""What somebody waits for has come: a timer, a person's answer, a resource, a cache's answer (R2, T5 to T7)."""

from typing import Any

from engine.machine import child_attempts, runs
from engine.machine.ending import end
from engine.machine.events import CacheAnswer, Decided, Granted, Refused, TaskTimer
from engine.machine.model import TaskRun
from engine.machine.starting import again, proceed, start
from engine.machine.states import Reason, TaskState
from engine.machine.step import Step


def timer(step: Step, event: TaskTimer) -> None:
    """T7: what the attempt waited for is over; a stale timer changes nothing."""
    task_run = step.find(event.task_run_id)
    if task_run is None or task_run.attempt != event.attempt:
        step.ignore()
    elif task_run.state is TaskState.RUNNING and task_run.child_run is not None and not task_run.stop:
        child_attempts.overdue(step, task_run)
    elif task_run.state is TaskState.WAITING:
        _waited(step, task_run)
    else:
        step.ignore()


def _waited(step: Step, task_run: TaskRun) -> None:
    match task_run.reason:
        case Reason.RETRY | Reason.REPEAT:
            again(step, task_run)
        case Reason.WAIT:
            end(step, task_run, TaskState.SUCCEEDED, None, "")
        case Reason.APPROVAL if step.task_of(task_run).spec.get("on_timeout") == "approve":
            _approve(step, task_run, by="", comment="nobody answered in time")
        case Reason.APPROVAL:
            end(step, task_run, TaskState.FAILED, Reason.TIMEOUT, "nobody answered in time")
        case _:
            step.ignore()


def decided(step: Step, event: Decided) -> None:
    """T7: a person has answered; the first answer counts."""
    task_run = step.find(event.task_run_id)
    if task_run is None or task_run.state is not TaskState.WAITING or task_run.reason is not Reason.APPROVAL:
        step.ignore()
    elif event.approved:
        _approve(step, task_run, event.by, event.comment)
    else:
        said = f": {event.comment}" if event.comment else ""
        end(step, task_run, TaskState.FAILED, Reason.REJECTED, f"rejected by {event.by or 'somebody'}{said}")


def _approve(step: Step, task_run: TaskRun, by: str, comment: str) -> None:
    outputs: dict[str, Any] = {"approved": True, "by": by, "comment": comment}
    task_run.outputs = outputs
    end(step, task_run, TaskState.SUCCEEDED, None, f"approved by {by}" if by else comment)


def granted(step: Step, event: Granted) -> None:
    """R2, T5, T6: the run, or a task run of it, holds all that it asked for."""
    if not event.task_run_id:
        runs.granted(step)
    elif (task_run := _waiting_for_lock(step, event.task_run_id)) is not None:
        proceed(step, step.task_of(task_run), task_run)


def refused(step: Step, event: Refused) -> None:
    """The run, or a task run of it, wants what this installation does not have."""
    if not event.task_run_id:
        runs.refused(step, event.message)
    elif (task_run := _waiting_for_lock(step, event.task_run_id)) is not None:
        end(step, task_run, TaskState.FAILED, Reason.RESOURCE, event.message)


def cache_answer(step: Step, event: CacheAnswer) -> None:
    """T5, T6: take over what an earlier success gave, or go on without."""
    task_run = step.find(event.task_run_id)
    if task_run is None or not (task_run.state is TaskState.PENDING or _locked(task_run)):
        step.ignore()
    elif event.outputs is None:
        start(step, step.task_of(task_run), task_run)
    else:
        task_run.outputs, task_run.reused_from = event.outputs, event.found or None
        end(step, task_run, TaskState.SUCCEEDED, Reason.CACHED, f"taken over from task run {event.found}")


def _waiting_for_lock(step: Step, task_run_id: str) -> TaskRun | None:
    task_run = step.find(task_run_id)
    if task_run is None or not _locked(task_run):
        step.ignore()
        return None
    return task_run


def _locked(task_run: TaskRun) -> bool:
    return task_run.state is TaskState.WAITING and task_run.reason is Reason.LOCK
