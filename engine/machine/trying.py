"""What follows from an attempt's end: done, failed, or tried again after a failure (`retry`) or success (`repeat`)."""

from datetime import datetime, timedelta
from typing import Any

from dsl.expressions import ExpressionError, Field
from engine.machine.changes import AttemptRow, CacheEntry
from engine.machine.context import task_lookup, with_outputs
from engine.machine.ending import end
from engine.machine.events import Ended
from engine.machine.model import TaskRun, attempt_name
from engine.machine.retrying import retry_delay, wants_retry
from engine.machine.starting import again, cache_key, hold
from engine.machine.states import AttemptState, Reason, TaskState
from engine.machine.step import Step
from engine.machine.values import output_faults
from engine.machine.wording import located


def close(
    step: Step,
    task_run: TaskRun,
    state: AttemptState,
    reason: Reason | None,
    message: str,
    *,
    outputs: dict[str, Any] | None = None,
    report: Ended | None = None,
) -> None:
    """Enter an ended attempt, after a look at its outputs, and go on from it (T8, T11)."""
    if state is AttemptState.SUCCEEDED and (faults := output_faults(outputs or {}, step.task_of(task_run).outputs)):
        state, reason, message = AttemptState.FAILED, Reason.INVALID_OUTPUT, "; ".join(faults)
    step.changes.attempts.append(_row(step, task_run, state, reason, message, report))
    if state is AttemptState.SUCCEEDED:
        _succeeded(step, task_run, outputs or {})
    elif task_run.stop or state is AttemptState.CANCELLED:
        end(step, task_run, TaskState.CANCELLED, step.run.stop or Reason.CANCELLED_BY_USER, message)
    else:
        _failed(step, task_run, reason or Reason.RUNNER_ERROR, message)


def _row(
    step: Step, task_run: TaskRun, state: AttemptState, reason: Reason | None, message: str, report: Ended | None
) -> AttemptRow:
    return AttemptRow(
        task_run_id=task_run.id,
        number=task_run.attempt,
        state=state,
        reason=reason,
        message=message,
        exit_code=report.exit_code if report else None,
        worker=task_run.worker,
        session=task_run.session,
        claim_id=task_run.claim_id,
        log_batches=report.log_batches if report else 0,
        queued_at=task_run.queued_at,
        started_at=(report.started_at if report else None) or task_run.attempt_started_at,
        finished_at=(report.finished_at if report else None) or step.now,
        artifacts=report.artifacts if report else (),
    )


def _failed(step: Step, task_run: TaskRun, reason: Reason, message: str) -> None:
    policy = step.task_of(task_run).retry
    number = task_run.attempt - task_run.try_begun
    if not wants_retry(policy, number, reason):
        end(step, task_run, TaskState.FAILED, reason, message)
        return
    delay = retry_delay(policy, number, attempt_name(task_run.id, task_run.attempt))
    if delay:
        note = f"attempt {number} of {policy.max_attempts} failed: {message}"
        hold(step, task_run, step.now + delay, Reason.RETRY, note)
    else:
        again(step, task_run)


def _succeeded(step: Step, task_run: TaskRun, outputs: dict[str, Any]) -> None:
    task = step.task_of(task_run)
    try:
        wanted = task.repeat is not None and not task_run.stop and not _until(step, task_run, outputs)
        if not wanted:
            task_run.outputs = outputs
            _keep(step, task_run)
    except ExpressionError as error:
        end(step, task_run, TaskState.FAILED, Reason.EXPRESSION, located(step, task, error))
        return
    if wanted:
        _repeat(step, task_run)
    else:
        end(step, task_run, TaskState.SUCCEEDED, None, "")


def _until(step: Step, task_run: TaskRun, outputs: dict[str, Any]) -> bool:
    task = step.task_of(task_run)
    assert task.repeat is not None
    lookup = with_outputs(task_lookup(step.execution, task, task_run), outputs)
    return step.execution.graph.evaluator.condition(Field.REPEAT_UNTIL, task.repeat.until, lookup, task_id=task.id)


def _repeat(step: Step, task_run: TaskRun) -> None:
    """T8: a sensor's try succeeded and its condition does not hold yet."""
    repeat = step.task_of(task_run).repeat
    assert repeat is not None
    task_run.tries += 1
    task_run.try_begun = task_run.attempt
    if repeat.max_attempts is not None and task_run.tries >= repeat.max_attempts:
        message = f"still not true after {task_run.tries} tries: {repeat.until}"
        end(step, task_run, TaskState.FAILED, Reason.REPEAT, message)
        return
    due: datetime = step.now + timedelta(seconds=repeat.every_seconds)
    hold(step, task_run, due, Reason.REPEAT, f"tried {task_run.tries} times; waits for: {repeat.until}")


def _keep(step: Step, task_run: TaskRun) -> None:
    """Have the outputs kept for later runs, where the task says so. Raises `ExpressionError`."""
    task = step.task_of(task_run)
    if task.cache is None:
        return
    key, ttl = cache_key(step, task, task_run), task.cache.ttl_seconds
    expires_at = None if ttl is None else step.now + timedelta(seconds=ttl)
    step.changes.cached.append(CacheEntry(task_run.id, task.id, key, task_run.outputs or {}, expires_at))
