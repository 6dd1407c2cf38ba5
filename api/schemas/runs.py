"""Runs, their task runs and attempts."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

from msgspec import Meta, field

from api.schemas.base import Answer, Ask
from api.schemas.workflows import WorkflowName
from engine.machine.states import Phase, Reason, RunState, TaskState
from engine.telemetry.spans import of_run

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.machine.model import Run as CreatedRun
    from engine.store.reads_runs import RunRow, RunValues
    from engine.store.reads_tasks import EndedAttempt, TaskRow


LabelKey = Annotated[str, Meta(min_length=1, max_length=100)]
LabelValue = Annotated[str, Meta(max_length=200)]


class RunTrigger(Answer, frozen=True, kw_only=True):
    """What made the run: `manual`, `schedule` and so on, and the workflow's trigger of that name, if it was one."""

    kind: str
    name: str | None


class AttemptState(StrEnum):
    """How an attempt stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Attempt(Answer, frozen=True, kw_only=True):
    """One try. The current one is `queued` or `running`; the others have ended."""

    number: int
    state: AttemptState
    reason: Reason | None
    message: str
    exit_code: int | None
    worker: str | None
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


class TaskRun(Answer, frozen=True, kw_only=True):
    """One task in one run. `due_at` is when a wait or a retry's delay is over.

    A fan-out is a task run of its own, followed by one for each item, which has an `index` and a `key`. `child_run` is
    the run of a `workflow` task's current attempt.
    """

    id: str
    task: str
    index: int | None
    key: str
    kind: str
    pool: str
    state: TaskState
    reason: Reason | None
    message: str
    outputs: dict[str, Any] | None
    reused_from: str | None
    child_run: str | None
    due_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    attempts: list[Attempt]

    @classmethod
    def of(cls, row: "TaskRow", ended: "Iterable[EndedAttempt]") -> Self:
        """Return the task run of a row and its ended attempts, with the current one at the end."""
        attempts = [_ended(attempt) for attempt in ended]
        if row.state in _CURRENT:
            attempts.append(_current(row))
        return cls(
            id=row.id,
            task=row.task,
            index=row.index,
            key=row.key,
            kind=row.kind,
            pool=row.pool,
            state=TaskState(row.state),
            reason=_reason(row.reason),
            message=row.message,
            outputs=row.outputs,
            reused_from=row.reused_from,
            child_run=row.child_run,
            due_at=row.due_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            attempts=attempts,
        )

    @classmethod
    def pending(cls, *, run_id: str, ordinal: int, task: str, kind: str, pool: str) -> Self:
        """Return a task run that has no row yet."""
        return cls(
            id=f"{run_id}-{ordinal}",
            task=task,
            index=None,
            key="",
            kind=kind,
            pool=pool,
            state=TaskState.PENDING,
            reason=None,
            message="",
            outputs=None,
            reused_from=None,
            child_run=None,
            due_at=None,
            started_at=None,
            finished_at=None,
            attempts=[],
        )


class TaskRunPage(Answer, frozen=True, kw_only=True):
    """Task runs in the order of the file."""

    items: list[TaskRun]
    next: str | None


class Run(Answer, frozen=True, kw_only=True):
    """One run. `stop` says that it is being stopped, and why.

    `phase` is `main`, `hook` or `finally`; `outcome` is fixed when the main tasks have ended. `parent_task_run` is the
    task run that this is the child run of.
    """

    id: str
    workflow: WorkflowName
    revision: int
    state: RunState
    reason: Reason | None
    message: str
    phase: Phase
    outcome: RunState | None
    stop: Reason | None
    trigger: RunTrigger
    labels: dict[str, str]
    retry_of: str | None
    parent_task_run: str | None
    backfill: str | None = None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: "RunRow") -> Self:
        """Return the run of a row."""
        return cls(**_fields(row))

    @classmethod
    def created(cls, run: "CreatedRun") -> Self:
        """Return a run that was created this moment."""
        return cls(
            id=run.id,
            workflow=WorkflowName(namespace=run.workflow.namespace, name=run.workflow.name),
            revision=run.revision,
            state=run.state,
            reason=run.reason,
            message=run.message,
            phase=run.phase,
            outcome=run.outcome,
            stop=run.stop,
            trigger=RunTrigger(kind=run.trigger["kind"], name=run.trigger.get("name")),
            labels=run.labels,
            retry_of=run.retry_of,
            parent_task_run=run.parent_task_run,
            backfill=run.backfill_id,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
        )


class RunPage(Answer, frozen=True, kw_only=True):
    """Runs, newest first."""

    items: list[Run]
    next: str | None


class RunDetail(Run, frozen=True, kw_only=True):
    """One run with what it was given and gave, its task runs counted by state, and the first 200 of them.

    `tasks_next` is the cursor of those after them, for `/runs/{id}/tasks`. `trace_id` is the run's trace (W3C Trace
    Context), which its tasks find in `TRACEPARENT`.
    """

    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    trigger_details: dict[str, Any]
    trace_id: str
    task_counts: dict[str, int]
    tasks: list[TaskRun]
    tasks_next: str | None

    @classmethod
    def whole(cls, row: "RunRow", values: "RunValues", counts: dict[str, int], tasks: TaskRunPage) -> Self:
        """Return the run of a row with what belongs to it."""
        return cls(
            **_fields(row),
            inputs=values.inputs,
            outputs=values.outputs,
            trigger_details=values.trigger,
            trace_id=of_run(row.id, values.trace or {}).trace_id,
            task_counts=counts,
            tasks=tasks.items,
            tasks_next=tasks.next,
        )


class RunRequest(Ask, frozen=True, kw_only=True):
    """What a run is asked for with. `labels` are added to the workflow's."""

    inputs: dict[str, Any] = field(default_factory=dict)
    labels: dict[LabelKey, LabelValue] = field(default_factory=dict)


class CancelRequest(Ask, frozen=True, kw_only=True):
    """How to cancel. `force` stops what an earlier cancel spared, without grace."""

    force: bool = False


_CURRENT = {TaskState.QUEUED, TaskState.RUNNING}


def _reason(text: str | None) -> Reason | None:
    return None if text is None else Reason(text)


def _ended(row: "EndedAttempt") -> Attempt:
    return Attempt(
        number=row.number,
        state=AttemptState(row.state),
        reason=_reason(row.reason),
        message=row.message,
        exit_code=row.exit_code,
        worker=row.worker,
        queued_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _current(row: "TaskRow") -> Attempt:
    return Attempt(
        number=row.attempt,
        state=AttemptState(row.state),
        reason=None,
        message=row.message,
        exit_code=None,
        worker=row.worker,
        queued_at=row.queued_at,
        started_at=row.attempt_started_at,
        finished_at=None,
    )


def _fields(row: "RunRow") -> dict[str, Any]:
    return {
        "id": row.id,
        "workflow": WorkflowName(namespace=row.namespace, name=row.name),
        "revision": row.revision,
        "state": RunState(row.state),
        "reason": _reason(row.reason),
        "message": row.message,
        "phase": Phase(row.phase),
        "outcome": RunState(row.outcome) if row.outcome else None,
        "stop": _reason(row.stop),
        "trigger": RunTrigger(kind=row.trigger_kind, name=row.trigger_name),
        "labels": row.labels,
        "retry_of": row.retry_of,
        "parent_task_run": row.parent_task_run,
        "backfill": row.backfill_id,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }
