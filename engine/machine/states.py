"""The states of runs, task runs and attempts, their legal arrows, and the reasons that go with them.

This table is the one source: the database's CHECK constraints and the diagram in `docs/` are generated from it.
"""

from enum import StrEnum
from typing import Final


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class TaskState(StrEnum):
    """Where a task run stands."""

    PENDING = "pending"
    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class AttemptState(StrEnum):
    """How an attempt ended. One that has not ended has no row of its own."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Phase(StrEnum):
    """Which part of the workflow a running run is in."""

    MAIN = "main"
    HOOK = "hook"
    FINALLY = "finally"


class Reason(StrEnum):
    """Why a run, task run or attempt is in its state."""

    EXIT = "exit"
    TIMEOUT = "timeout"
    LOST = "lost"
    UPSTREAM_FAILED = "upstream_failed"
    CONDITION = "condition"
    CONCURRENCY = "concurrency"
    INVALID_INPUTS = "invalid_inputs"
    INVALID_OUTPUT = "invalid_output"
    EXPRESSION = "expression"
    ARTIFACT = "artifact"
    SECRET = "secret"  # noqa: S105 - a reason
    RUNNER_ERROR = "runner_error"
    EXPECTATION = "expectation"
    CANCELLED_BY_USER = "cancelled_by_user"
    CANCELLED_BY_OVERLAP = "cancelled_by_overlap"
    TASK_FAILED = "task_failed"
    FAIL_FAST = "fail_fast"
    FAN_OUT = "fan_out"
    CHILD_FAILED = "child_failed"
    REJECTED = "rejected"
    RESOURCE = "resource"
    HOOK_FAILED = "hook_failed"
    RETRY = "retry"
    REPEAT = "repeat"
    WAIT = "wait"
    APPROVAL = "approval"
    LOCK = "lock"
    REUSED = "reused"
    CACHED = "cached"
    INTERNAL_ERROR = "internal_error"


RUN_TERMINAL: Final = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED})
TASK_TERMINAL: Final = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED})

RUN_ARROWS: Final[dict[RunState, frozenset[RunState]]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.SKIPPED, RunState.FAILED, RunState.CANCELLED}),
    RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}),
}
"""Every way a run may go on; a state without an entry is terminal."""

TASK_ARROWS: Final[dict[TaskState, frozenset[TaskState]]] = {
    TaskState.PENDING: frozenset({TaskState.QUEUED, TaskState.WAITING, TaskState.RUNNING, *TASK_TERMINAL}),
    TaskState.WAITING: frozenset(
        {TaskState.WAITING, TaskState.QUEUED, TaskState.RUNNING}
        | {TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED}
    ),
    TaskState.QUEUED: frozenset({TaskState.RUNNING, TaskState.FAILED, TaskState.CANCELLED}),
    TaskState.RUNNING: frozenset(
        {TaskState.RUNNING, TaskState.QUEUED, TaskState.WAITING}
        | {TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED}
    ),
}
"""Every way a task run may go on; a state without an entry is terminal."""


class IllegalArrowError(AssertionError):
    """The machine was about to take an arrow that its table does not have."""
