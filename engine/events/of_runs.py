"""What runs that are created, or changed by the machine, come to as events.

A run has three at most. A task has one, at its end; the items of a fan-out have none of their own, so that one of a
thousand items costs what a single task does.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from engine.events.happening import EventKind, Happening
from engine.machine.changes import Changes
from engine.machine.model import Run, TaskRun


def of_created(created: Iterable[Run]) -> list[Happening]:
    """Return the events of runs that are created."""
    return [
        _of(run, EventKind.RUN_CREATED, run.created_at, {"trigger": str(run.trigger.get("kind", "manual"))})
        for run in created
    ]


def of_changes(batch: Iterable[Changes]) -> list[Happening]:
    """Return the events of what the machine changed, each once: at the change that makes it so."""
    return [happening for changes in batch for happening in _of_changes(changes)]


def _of_changes(changes: Changes) -> Iterator[Happening]:
    run = changes.run
    if changes.began and run.started_at is not None:
        yield _of(run, EventKind.RUN_STARTED, run.started_at, {})
    for task_run in changes.tasks.values():
        if task_run.terminal and task_run.index is None and task_run.finished_at is not None:
            yield _of(run, EventKind.TASK_FINISHED, task_run.finished_at, _ended_task(task_run))
    if changes.ended and run.finished_at is not None:
        yield _of(run, EventKind.RUN_FINISHED, run.finished_at, _ended_run(run))


def _ended_task(task_run: TaskRun) -> dict[str, Any]:
    return {"task": task_run.task, **_outcome(task_run)}


def _ended_run(run: Run) -> dict[str, Any]:
    took = _seconds(run.started_at, run.finished_at)
    return {
        "revision": run.revision,
        "trigger": str(run.trigger.get("kind", "manual")),
        "seconds": took,
        **_outcome(run),
    }


def _outcome(ended: Run | TaskRun) -> dict[str, Any]:
    return {"state": str(ended.state), "reason": ended.reason and str(ended.reason), "message": ended.message}


def _seconds(began: datetime | None, ended: datetime | None) -> float | None:
    return None if began is None or ended is None else (ended - began).total_seconds()


def _of(run: Run, kind: EventKind, at: datetime, data: dict[str, Any]) -> Happening:
    return Happening(kind, at, namespace=run.workflow.namespace, workflow=run.workflow.name, run_id=run.id, data=data)
