"""What can happen to a run: everything that `advance` understands."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.machine.model import Artifact
from engine.machine.states import AttemptState, Reason, RunState


@dataclass(frozen=True, slots=True)
class Start:
    """A queued run is to start (also what a plain wake means)."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The run, or the task run named, holds every resource it asked for."""

    task_run_id: str = ""


@dataclass(frozen=True, slots=True)
class Full:
    """The run's concurrency limit is reached and `overlap` says skip; `message` names the holders."""

    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The run, or the task run named, asked for a resource that it can never have."""

    message: str
    task_run_id: str = ""


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
class HooksTimeout:
    """The time that hooks have is over, for the phase it was set for."""

    phase: str


@dataclass(frozen=True, slots=True)
class TaskTimer:
    """What a task run waits for is over, or a child run's time is, for the attempt number it was set for."""

    task_run_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Decided:
    """A person has answered an approval."""

    task_run_id: str
    approved: bool
    by: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class CacheAnswer:
    """What a look-up found: the outputs of the task run `found`, or nothing (None)."""

    task_run_id: str
    outputs: dict[str, Any] | None = None
    found: str = ""


@dataclass(frozen=True, slots=True)
class ChildStarted:
    """The child run of an attempt is inserted with this commit."""

    task_run_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """The child run of an attempt has ended, or could not begin (`run_id` empty)."""

    task_run_id: str
    attempt: int
    state: RunState
    run_id: str = ""
    message: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)


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
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """`advance` raised twice on this run: fail it (R10)."""

    message: str


Event = (
    Start
    | Granted
    | Full
    | Refused
    | Cancel
    | RunTimeout
    | HooksTimeout
    | TaskTimer
    | Decided
    | CacheAnswer
    | ChildStarted
    | ChildEnded
    | Overdue
    | Lost
    | Claimed
    | Ended
    | Broken
)
