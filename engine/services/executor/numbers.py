"""What committed changes add to the metrics of runs, tasks and attempts."""

from datetime import datetime

from engine.machine.changes import Changes
from engine.machine.model import Run, TaskRun
from engine.telemetry.instruments import ATTEMPT_DURATION, ATTEMPT_WAIT, RUN_DURATION, RUN_WAIT, TASK_DURATION


def count(changes: Changes, now: datetime) -> None:
    """Count what one run's changes, committed as of `now`, began and ended."""
    if changes.run_dirty:
        _count_run(changes.run, now)
    for row in changes.attempts:
        task_run = changes.tasks.get(row.task_run_id)
        if task_run is None:
            continue
        began = row.started_at or row.finished_at
        reason = row.reason or ""
        seconds = (row.finished_at - began).total_seconds()
        ATTEMPT_DURATION.record(seconds, task_run.kind, task_run.pool, row.state, reason)
        if row.queued_at is not None and row.claim_id is not None:
            ATTEMPT_WAIT.record((began - row.queued_at).total_seconds(), task_run.pool)
    for task_run in changes.tasks.values():
        if task_run.finished_at == now and task_run.terminal:
            _count_task(task_run, now)


def _count_run(run: Run, now: datetime) -> None:
    if run.started_at == now:
        RUN_WAIT.record((now - run.created_at).total_seconds(), str(run.trigger.get("kind", "")))
    if run.terminal and run.finished_at == now:
        reason = run.reason or ""
        RUN_DURATION.record((now - (run.started_at or now)).total_seconds(), run.state, reason)


def _count_task(task_run: TaskRun, now: datetime) -> None:
    if task_run.started_at is not None:
        reason = task_run.reason or ""
        seconds = (now - task_run.started_at).total_seconds()
        TASK_DURATION.record(seconds, task_run.kind, task_run.state, reason)
