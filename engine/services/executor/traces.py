"""The spans of runs, task runs and of attempts that no worker tells of: once they are committed, where anybody listens.

A worker tells of the attempts that it ended. It cannot of those that it lost, and child runs have none.
"""

from collections.abc import Iterator
from datetime import datetime

from engine.machine.changes import AttemptRow, Changes, Settle
from engine.machine.model import Run, TaskRun, attempt_name
from engine.machine.states import AttemptState, RunState, TaskState
from engine.telemetry import attributes as names
from engine.telemetry import spans
from engine.telemetry.context import parse


def tell(changes: Changes, now: datetime) -> None:
    """Tell what one run's changes, committed as of `now`, ended."""
    if not spans.told():
        return
    for span in _ended(changes, now):
        spans.record(span)


def _ended(changes: Changes, now: datetime) -> Iterator[spans.Span]:
    run = changes.run
    if changes.attempts:
        settled = {command.attempt for command in changes.commands if isinstance(command, Settle)}
        for row in changes.attempts:
            task_run = changes.tasks.get(row.task_run_id)
            if task_run is not None and attempt_name(row.task_run_id, row.number) not in settled:
                yield _attempt(run, task_run, row)
    for task_run in changes.tasks.values():
        if task_run.terminal and task_run.finished_at == now:
            yield _task(run, task_run, now)
    if changes.ended:
        yield _run(run, now)


def _run(run: Run, now: datetime) -> spans.Span:
    workflow = run.workflow
    return spans.Span(
        name=f"run {workflow.namespace}/{workflow.name}",
        context=spans.of_run(run.id, run.trace),
        parent=parse(run.trace),
        started_at=run.created_at,
        ended_at=run.finished_at or now,
        attributes={
            names.RUN: run.id,
            names.NAMESPACE: workflow.namespace,
            names.WORKFLOW: workflow.name,
            names.REVISION: run.revision,
            names.TRIGGER: str(run.trigger.get("kind", "")),
            names.RUN_STATE: str(run.state),
            **_reason(run.reason),
        },
        fault=_fault(run.message, run.reason) if run.state is RunState.FAILED else None,
    )


def _task(run: Run, task_run: TaskRun, now: datetime) -> spans.Span:
    return spans.Span(
        name=f"task {task_run.task}",
        context=spans.of_task_run(task_run.id, run.trace),
        parent=spans.of_run(run.id, run.trace),
        started_at=task_run.started_at or task_run.queued_at or now,
        ended_at=now,
        attributes={
            names.RUN: run.id,
            names.TASK_RUN: task_run.id,
            names.TASK: task_run.task,
            **({names.TASK_KEY: task_run.key} if task_run.key else {}),
            names.TASK_KIND: task_run.kind,
            names.TASK_STATE: str(task_run.state),
            **_reason(task_run.reason),
        },
        fault=_fault(task_run.message, task_run.reason) if task_run.state is TaskState.FAILED else None,
    )


def _attempt(run: Run, task_run: TaskRun, row: AttemptRow) -> spans.Span:
    return spans.Span(
        name=f"attempt {task_run.task}",
        context=spans.of_attempt(attempt_name(row.task_run_id, row.number), run.trace),
        parent=spans.of_task_run(row.task_run_id, run.trace),
        started_at=row.started_at or row.finished_at,
        ended_at=row.finished_at,
        attributes={
            names.RUN: run.id,
            names.TASK_RUN: row.task_run_id,
            names.TASK: task_run.task,
            names.TASK_KIND: task_run.kind,
            names.POOL: task_run.pool,
            names.ATTEMPT: row.number,
            names.ATTEMPT_STATE: str(row.state),
            **({names.WORKER: row.worker} if row.worker else {}),
            **_reason(row.reason),
        },
        fault=_fault(row.message, row.reason) if row.state is AttemptState.FAILED else None,
    )


def _reason(reason: str | None) -> dict[str, str]:
    return {} if reason is None else {names.REASON: str(reason)}


def _fault(message: str, reason: str | None) -> str:
    return message or str(reason or "failed")
