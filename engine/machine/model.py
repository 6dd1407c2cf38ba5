"""What the machine works on: a run with its task runs.

Both are mutable and private to one executor. Ids are derived, not drawn: a task run is `<run_id>-<ordinal>`, an item of
a fan-out `<run_id>-<ordinal>.<index>`, an attempt `<task_run_id>:<n>`, so that the same events give the same changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dsl.model import Workflow
from engine.machine.states import RUN_TERMINAL, TASK_TERMINAL, Phase, Reason, RunState, TaskState

RUN_ID_LENGTH = 36


def attempt_name(task_run_id: str, number: int) -> str:
    """Return the name of an attempt."""
    return f"{task_run_id}:{number}"


def parse_attempt(name: str) -> tuple[str, str, int]:
    """Return run id, task run id and attempt number. Raises `ValueError` for anything that is not a name."""
    task_run_id, _, number = name.rpartition(":")
    if len(task_run_id) <= RUN_ID_LENGTH + 1 or task_run_id[RUN_ID_LENGTH] != "-":
        raise ValueError(f"{name!r} does not name an attempt")
    return task_run_id[:RUN_ID_LENGTH], task_run_id, int(number)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that an attempt left to be kept: its name within the attempt's directory, its size in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(slots=True)
class TaskRun:
    """One task in one run, with its current attempt. `attempt` is 0 until the first is queued.

    A fan-out has a task run of its own, its *template*, and one for each item, which has an `index` and a `key`.
    `tries` counts the ended tries of a sensor (`repeat`), `try_begun` is the attempt before the current try.
    """

    id: str
    task: str
    ordinal: int
    index: int | None = None
    key: str = ""
    state: TaskState = TaskState.PENDING
    reason: Reason | None = None
    message: str = ""
    attempt: int = 0
    claim_id: str | None = None
    session: str | None = None
    worker: str | None = None
    stop: bool = False
    queued_at: datetime | None = None
    started_at: datetime | None = None
    attempt_started_at: datetime | None = None
    deadline_at: datetime | None = None
    due_at: datetime | None = None
    finished_at: datetime | None = None
    outputs: dict[str, Any] | None = None
    pool: str = "default"
    kind: str = "run"
    reused_from: str | None = None
    tries: int = 0
    try_begun: int = 0
    child_run: str | None = None
    fingerprint: str | None = None
    stored: bool = False
    reply_to: str | None = None

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.state in TASK_TERMINAL


@dataclass(slots=True)
class Run:
    """One run of a revision. `tasks` holds what has left `pending`; the rest follows from the workflow.

    `items` are those of its fan-outs, by task, in the order of their indexes. `outcome` is fixed when the main tasks
    have ended; `reason` and `message` then say why. `parent_task_run` and `parent_attempt` say what a child run is for,
    `backfill_id` which backfill made the run. `unreadable` says why the revision cannot be run by this program; the
    workflow is then one without tasks. `trace` is the trace context of what made the run; the machine hands it on.
    """

    id: str
    workflow: Workflow
    workflow_id: str
    revision_id: str
    revision: int
    created_at: datetime
    state: RunState = RunState.QUEUED
    reason: Reason | None = None
    message: str = ""
    phase: Phase = Phase.MAIN
    outcome: RunState | None = None
    stop: Reason | None = None
    forced: bool = False
    version: int = 0
    inputs: dict[str, Any] = field(default_factory=dict)
    trigger: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] | None = None
    fault: str = ""
    concurrency_resource: str | None = None
    retry_of: str | None = None
    parent_task_run: str | None = None
    parent_attempt: int | None = None
    backfill_id: str | None = None
    commit: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    unreadable: str = ""
    trace: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, TaskRun] = field(default_factory=dict)
    items: dict[str, list[TaskRun]] = field(default_factory=dict)

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.state in RUN_TERMINAL

    def live(self) -> Iterator[TaskRun]:
        """Give the task runs that have left `pending` and not ended, items of fan-outs before their templates."""
        for items in self.items.values():
            yield from (item for item in items if not item.terminal)
        yield from (task_run for task_run in self.tasks.values() if not task_run.terminal)
