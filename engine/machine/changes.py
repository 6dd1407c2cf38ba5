"""What `advance` answers with: rows to write in one transaction, and commands to carry out after it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.machine.model import Run, TaskRun
from engine.machine.states import AttemptState, Reason


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
