"""What the machine works on: a run with its task runs, the events that reach it, and the changes it answers with.

`Run` and `TaskRun` are mutable and private to one executor; everything else is a value. Ids are derived, not drawn: a
task run is `<run_id>-<ordinal>`, an attempt `<task_run_id>:<n>`, so that the same events give the same changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dsl.model import Workflow
from engine.machine.states import RUN_TERMINAL, TASK_TERMINAL, AttemptState, Phase, Reason, RunState, TaskState

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


@dataclass(slots=True)
class TaskRun:
    """One task in one run, with its current attempt. `attempt` is 0 until the first is queued."""

    id: str
    task: str
    ordinal: int
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
    stored: bool = False
    reply_to: str | None = None

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.state in TASK_TERMINAL


@dataclass(slots=True)
class Run:
    """One run of a revision. `tasks` holds what has left `pending`; the rest follows from the workflow."""

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
    commit: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    tasks: dict[str, TaskRun] = field(default_factory=dict)

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.state in RUN_TERMINAL

    def live(self) -> Iterator[TaskRun]:
        """Give the task runs that have left `pending` and not ended."""
        return (task_run for task_run in self.tasks.values() if not task_run.terminal)


# Events.


@dataclass(frozen=True, slots=True)
class Start:
    """A queued run is to start (also what a plain wake means)."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The run holds every resource it asked for."""


@dataclass(frozen=True, slots=True)
class Full:
    """The run's concurrency limit is reached and `overlap` says skip; `message` names the holders."""

    message: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the run. `forced` stops hooks too; `reason` says on whose account."""

    by: str = ""
    forced: bool = False
    reason: Reason = Reason.CANCELLED_BY_USER


@dataclass(frozen=True, slots=True)
class RunTimeout:
    """The run's own `timeout` has passed."""


@dataclass(frozen=True, slots=True)
class TaskTimer:
    """A retry's delay or a `wait` is over, for the attempt number it was set for."""

    task_run_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """An attempt's deadline, grace and lease have all passed and nothing was heard (A8)."""

    task_run_id: str
    claim_id: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The session that held the attempt is gone (A7)."""

    task_run_id: str
    claim_id: str
    session: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A worker's slot claims an attempt (A2 to A4)."""

    task_run_id: str
    attempt: int
    claim_id: str
    session: str
    worker: str
    reply_to: str
    resume: bool = False
    session_live: bool = True


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker reports an attempt's end (A5, A6)."""

    task_run_id: str
    attempt: int
    claim_id: str
    reply_to: str
    state: AttemptState
    reason: Reason | None = None
    message: str = ""
    exit_code: int | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    log_batches: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """`advance` raised twice on this run: fail it (R10)."""

    message: str


Event = Start | Granted | Full | Cancel | RunTimeout | TaskTimer | Overdue | Lost | Claimed | Ended | Broken


# Changes.


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One ended attempt, inserted once."""

    task_run_id: str
    number: int
    state: AttemptState
    reason: Reason | None
    message: str
    exit_code: int | None
    worker: str | None
    session: str | None
    claim_id: str | None
    log_batches: int
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class NewSignal:
    """A signal of this run to itself at `due_at`. A second one with the same `dedupe_key` is dropped."""

    kind: str
    payload: dict[str, Any]
    due_at: datetime
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class Acquire:
    """The run wants one unit of `resource` (capacity `limit`); the store answers with a signal `granted` or `full`."""

    resource: str
    limit: int
    overlap: str


@dataclass(frozen=True, slots=True)
class Dispatch:
    """After commit: offer the attempt to the pool (A1)."""

    attempt: str
    pool: str
    kind: str


@dataclass(frozen=True, slots=True)
class GrantAttempt:
    """After commit: tell the worker what to carry out (A2, A3)."""

    reply_to: str
    attempt: str
    claim_id: str
    kind: str
    spec: dict[str, Any]
    env: dict[str, str]
    outputs: dict[str, str]
    timeout_seconds: float | None
    grace_seconds: float
    fenced: bool


@dataclass(frozen=True, slots=True)
class RefuseClaim:
    """After commit: tell the worker that the attempt is not its own (A4): held, ended or unknown."""

    reply_to: str
    attempt: str
    claim_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settle:
    """After commit: tell the worker that its result is in, or was stale (A5, A6)."""

    reply_to: str
    attempt: str
    claim_id: str


@dataclass(frozen=True, slots=True)
class StopAttempt:
    """After commit: tell the worker to stop (T10). Without `reply_to` the next heartbeat's answer says it."""

    reply_to: str | None
    attempt: str
    claim_id: str
    reason: str
    force: bool = False


Command = Dispatch | GrantAttempt | RefuseClaim | Settle | StopAttempt


@dataclass(slots=True)
class Changes:
    """What `advance` did: rows to write in one transaction, and commands to carry out after it."""

    run: Run
    seen_version: int
    run_dirty: bool = False
    tasks: dict[str, TaskRun] = field(default_factory=dict)
    attempts: list[AttemptRow] = field(default_factory=list)
    signals: list[NewSignal] = field(default_factory=list)
    acquire: Acquire | None = None
    ended: bool = False
    commands: list[Command] = field(default_factory=list)
    ignored: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is to be written."""
        return not (self.run_dirty or self.tasks or self.attempts or self.signals or self.acquire)

    def absorb(self, later: "Changes") -> None:
        """Add what a later call did to the same run."""
        self.run_dirty = self.run_dirty or later.run_dirty
        self.tasks.update(later.tasks)
        self.attempts += later.attempts
        self.signals += later.signals
        self.acquire = self.acquire or later.acquire
        self.ended = self.ended or later.ended
        self.commands += later.commands
        self.ignored += later.ignored
