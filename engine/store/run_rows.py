"""Runs, task runs and attempts as rows, in the order of the columns that the statements name, and back."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from dsl.model import Workflow
from engine.machine.changes import AttemptRow, Changes
from engine.machine.model import Run, TaskRun
from engine.machine.states import Phase, Reason, RunState, TaskState

TASK_VALUES: Final = (
    *("state", "reason", "message", "attempt", "claim_id", "session", "worker", "stop", "queued_at", "dispatched_at"),
    *("started_at", "attempt_started_at", "deadline_at", "due_at", "finished_at", "outputs"),
    *("reused_from", "tries", "try_begun", "child_run", "fingerprint"),
)
TASK_FIXED: Final = ("run_id", "task", "key", "ordinal", "item", "kind", "pool")


def inserted_run(run: Run) -> tuple[Any, ...]:
    """Return a new run's row."""
    return (
        run.id,
        run.workflow_id,
        run.revision_id,
        str(run.state),
        run.message,
        run.trigger.get("kind", "manual"),
        run.trigger.get("name"),
        run.retry_of,
        run.parent_task_run,
        run.parent_attempt,
        run.concurrency_resource,
        run.backfill_id,
        run.created_at,
    )


def run_values(changes: Changes) -> tuple[Any, ...]:
    """Return what a run's row becomes, after its id and the version it was seen at."""
    run = changes.run
    return (
        run.id,
        changes.seen_version,
        str(run.state),
        run.reason,
        run.message,
        str(run.phase),
        run.outcome,
        run.stop,
        run.forced,
        run.started_at,
        run.finished_at,
    )


def attempt_row(run_id: str, attempt: AttemptRow) -> tuple[Any, ...]:
    """Return an ended attempt's row."""
    return (
        attempt.task_run_id,
        attempt.number,
        run_id,
        str(attempt.state),
        attempt.reason,
        attempt.message,
        attempt.exit_code,
        attempt.worker,
        attempt.session,
        attempt.claim_id,
        attempt.log_batches,
        attempt.queued_at,
        attempt.started_at,
        attempt.finished_at,
    )


def task_values(task_run: TaskRun) -> tuple[Any, ...]:
    """Return what changes in a task run, in the order of `TASK_VALUES`. An offer is noted by another statement."""
    return (
        str(task_run.state),
        task_run.reason,
        task_run.message,
        task_run.attempt,
        task_run.claim_id,
        task_run.session,
        task_run.worker,
        task_run.stop,
        task_run.queued_at,
        None,
        task_run.started_at,
        task_run.attempt_started_at,
        task_run.deadline_at,
        task_run.due_at,
        task_run.finished_at,
        task_run.outputs,
        task_run.reused_from,
        task_run.tries,
        task_run.try_begun,
        task_run.child_run,
        task_run.fingerprint,
    )


def inserted_task(task_run: TaskRun, run_id: str) -> tuple[Any, ...]:
    """Return a new task run's row: its id, `TASK_VALUES`, `TASK_FIXED`."""
    fixed = (run_id, task_run.task, task_run.key, task_run.ordinal, task_run.index, task_run.kind, task_run.pool)
    return (task_run.id, *task_values(task_run), *fixed)


@dataclass(frozen=True, slots=True)
class LoadedRevision:
    """What a run needs of its revision; `unreadable` says why that cannot be had."""

    workflow: Workflow
    number: int = 0
    commit: str | None = None
    unreadable: str = ""


def loaded_run(row: Row[Any], revision: LoadedRevision) -> Run:
    """Return the run of a row, without its task runs."""
    return Run(
        id=row.id,
        workflow=revision.workflow,
        workflow_id=row.workflow_id,
        revision_id=row.revision_id,
        revision=revision.number,
        created_at=row.created_at,
        state=RunState(row.state),
        reason=Reason(row.reason) if row.reason else None,
        message=row.message,
        phase=Phase(row.phase),
        outcome=RunState(row.outcome) if row.outcome else None,
        stop=Reason(row.stop) if row.stop else None,
        forced=row.forced,
        version=row.version,
        inputs=row.inputs,
        trigger=row.trigger,
        labels=row.labels,
        outputs=row.outputs,
        fault=row.fault,
        concurrency_resource=row.concurrency_resource,
        retry_of=row.retry_of,
        parent_task_run=row.parent_task_run,
        parent_attempt=row.parent_attempt,
        backfill_id=row.backfill_id,
        commit=revision.commit,
        unreadable=revision.unreadable,
        trace=row.trace or {},
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def loaded_task(row: Row[Any]) -> TaskRun:
    """Return the task run of a row."""
    return TaskRun(
        id=row.id,
        task=row.task,
        ordinal=row.ordinal,
        index=row.item,
        key=row.key,
        state=TaskState(row.state),
        reason=Reason(row.reason) if row.reason else None,
        message=row.message,
        attempt=row.attempt,
        claim_id=row.claim_id,
        session=row.session,
        worker=row.worker,
        stop=row.stop,
        queued_at=row.queued_at,
        started_at=row.started_at,
        attempt_started_at=row.attempt_started_at,
        deadline_at=row.deadline_at,
        due_at=row.due_at,
        finished_at=row.finished_at,
        outputs=row.outputs,
        pool=row.pool,
        kind=row.kind,
        reused_from=row.reused_from,
        tries=row.tries,
        try_begun=row.try_begun,
        child_run=row.child_run,
        fingerprint=row.fingerprint,
        stored=True,
    )
