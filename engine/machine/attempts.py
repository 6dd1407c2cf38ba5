"""The attempt's arrows, A2 to A8: claimed, ended, lost, overdue."""

from datetime import timedelta

from dsl.expressions import ExpressionError
from engine.machine.changes import RefuseClaim, Settle, StopAttempt
from engine.machine.ending import end
from engine.machine.events import Claimed, Ended, Lost, Overdue
from engine.machine.grants import grant
from engine.machine.model import TaskRun, attempt_name
from engine.machine.states import AttemptState, Reason, TaskState
from engine.machine.step import Step
from engine.machine.trying import close
from engine.machine.wording import located


def claimed(step: Step, event: Claimed) -> None:
    """A2 to A4: grant the attempt to one claim, the same again to the same claim, and refuse any other."""
    task_run = step.find(event.task_run_id)
    if task_run is None or task_run.attempt != event.attempt or task_run.terminal:
        _refuse(step, event, "unknown" if task_run is None else "ended")
    elif task_run.state is TaskState.QUEUED and event.session_live and not event.resume:
        _grant_new(step, task_run, event)
    elif task_run.state is TaskState.RUNNING and task_run.claim_id == event.claim_id:
        _grant_again(step, task_run, event)
    else:
        _refuse(step, event, "held" if event.session_live else "unknown")


def _grant_new(step: Step, task_run: TaskRun, event: Claimed) -> None:
    task_run.claim_id = event.claim_id
    try:
        command = grant(step, task_run, event.reply_to)
    except ExpressionError as error:
        task_run.claim_id = None
        task = step.task_of(task_run)
        end(step, task_run, TaskState.FAILED, Reason.EXPRESSION, located(step, task, error))
        _refuse(step, event, "ended")
        return
    step.move(task_run, TaskState.RUNNING, None, "")
    task_run.session, task_run.worker, task_run.reply_to = event.session, event.worker, event.reply_to
    task_run.attempt_started_at = step.now
    task_run.started_at = task_run.started_at or step.now
    if command.timeout_seconds is not None:
        task_run.deadline_at = step.now + timedelta(seconds=command.timeout_seconds + command.grace_seconds)
    step.command(command)


def _grant_again(step: Step, task_run: TaskRun, event: Claimed) -> None:
    if task_run.session != event.session:
        if not event.resume:
            _refuse(step, event, "held")
            return
        task_run.session = event.session
        step.touch(task_run)
    task_run.reply_to = event.reply_to
    step.command(grant(step, task_run, event.reply_to))
    if task_run.stop:
        step.command(StopAttempt(event.reply_to, _name(task_run), event.claim_id, str(step.run.stop or "")))


def _refuse(step: Step, event: Claimed, reason: str) -> None:
    name = attempt_name(event.task_run_id, event.attempt)
    step.command(RefuseClaim(event.reply_to, name, event.claim_id, reason))
    step.ignore()


def ended(step: Step, event: Ended) -> None:
    """A5, A6: take a result once, and answer `settled` to every copy of it."""
    step.command(Settle(event.reply_to, attempt_name(event.task_run_id, event.attempt), event.claim_id))
    task_run = step.find(event.task_run_id)
    if task_run is None or not _current(task_run, event.claim_id) or task_run.attempt != event.attempt:
        step.ignore()
        return
    reason = event.reason or (Reason.RUNNER_ERROR if event.state is AttemptState.FAILED else None)
    close(step, task_run, event.state, reason, event.message, outputs=event.outputs, report=event)


def lost(step: Step, event: Lost) -> None:
    """A7: the session that held the attempt is gone."""
    task_run = step.find(event.task_run_id)
    if task_run is None or not _current(task_run, event.claim_id) or task_run.session != event.session:
        step.ignore()
        return
    message = f"worker {task_run.worker} was not heard of any more"
    close(step, task_run, AttemptState.FAILED, Reason.LOST, message)


def overdue(step: Step, event: Overdue) -> None:
    """A8: the worker did not enforce the timeout in time."""
    task_run = step.find(event.task_run_id)
    if task_run is None or not _current(task_run, event.claim_id):
        step.ignore()
        return
    step.command(StopAttempt(task_run.reply_to, _name(task_run), event.claim_id, str(Reason.TIMEOUT), force=True))
    message = f"worker {task_run.worker} did not report the end of an attempt that was due"
    close(step, task_run, AttemptState.FAILED, Reason.TIMEOUT, message)


def _current(task_run: TaskRun, claim_id: str) -> bool:
    return task_run.state is TaskState.RUNNING and task_run.claim_id == claim_id


def _name(task_run: TaskRun) -> str:
    return attempt_name(task_run.id, task_run.attempt)
