"""What `advance` answers with: rows to write in one transaction, and commands to carry out after it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.machine.model import Artifact, Run, TaskRun
from engine.machine.states import AttemptState, Reason

if TYPE_CHECKING:
    from engine.machine.sealed import Sealed


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
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True)
class NewSignal:
    """A signal of this run to itself at `due_at`. A second one with the same `dedupe_key` is dropped."""

    kind: str
    payload: dict[str, Any]
    due_at: datetime
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """Units of one resource. `capacity` None: as much as the installation's configuration says (`slots`)."""

    resource: str
    units: int = 1
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Acquire:
    """The run, or one task run of it, wants all of these together.

    The store answers with a signal: `granted`, `full` (`overlap` is skip) or `refused` (no such capacity). In the
    `background` it stands behind all who are not.
    """

    wants: tuple[Want, ...]
    task_run_id: str = ""
    overlap: str = "queue"
    background: bool = False


@dataclass(frozen=True, slots=True)
class CacheLookup:
    """Outputs of an earlier success are asked for; to be answered by a `CacheAnswer` before the commit.

    `artifacts`: they are of use only together with the files that it left.
    """

    task_run_id: str
    task: str
    key: str
    artifacts: bool = False


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """Outputs to be kept under a key until `expires_at` (None: for good)."""

    task_run_id: str
    task: str
    key: str
    outputs: dict[str, Any]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewChild:
    """A child run to be inserted in the same transaction; to be answered by a `ChildEnded` where that cannot be."""

    run_id: str
    task_run_id: str
    attempt: int
    namespace: str
    name: str
    inputs: dict[str, Any]
    depth: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """After commit: offer the attempt to the pool (A1)."""

    attempt: str
    pool: str
    kind: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """Whose artifacts an attempt is handed in which `folder`: those of a task run, or of all items of a fan-out.

    `expected` says that there must be some: the task succeeded, and so kept what it declares.
    """

    folder: str
    task_run_id: str
    expected: bool


@dataclass(frozen=True, slots=True)
class GrantAttempt:
    """After commit: tell the worker what to carry out (A2, A3).

    With `secrets` named, `spec` and `env` are still to come out of `sealed`. `artifacts` are the patterns of the files
    to keep; where those of earlier tasks are `gathered`, `handed_on` is still to be filled. `starts_at` is the revision
    in a copy of whose source tree the task starts; `checkout`, its archive's SHA-256, is still to be filled then.
    `trace` is the run's.
    """

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
    namespace: str = ""
    secrets: tuple[str, ...] = ()
    sealed: "Sealed | None" = None
    masks: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    gathered: tuple[Gathered, ...] = ()
    handed_on: tuple["HandedOn", ...] = ()
    starts_at: str | None = None
    checkout: str | None = None
    trace: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandedOn:
    """A file that an attempt is handed: where it is to lie (`<task>/…`), and what it was when it was kept."""

    path: str
    run_id: str
    artifact: Artifact


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
    """What `advance` did: rows to write in one transaction, and commands to carry out after it.

    `released` names task runs that no longer hold what they acquired, `told` are signals to other runs.
    """

    run: Run
    seen_version: int
    run_dirty: bool = False
    tasks: dict[str, TaskRun] = field(default_factory=dict)
    attempts: list[AttemptRow] = field(default_factory=list)
    signals: list[NewSignal] = field(default_factory=list)
    acquires: list[Acquire] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    lookups: list[CacheLookup] = field(default_factory=list)
    cached: list[CacheEntry] = field(default_factory=list)
    children: list[NewChild] = field(default_factory=list)
    told: list[tuple[str, NewSignal]] = field(default_factory=list)
    began: bool = False
    ended: bool = False
    commands: list[Command] = field(default_factory=list)
    ignored: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is to be written."""
        rows = self.run_dirty or self.tasks or self.attempts or self.signals
        return not (rows or self.acquires or self.told or self.lookups or self.children)

    def absorb(self, later: "Changes") -> None:
        """Add what a later call did to the same run."""
        self.run_dirty = self.run_dirty or later.run_dirty
        self.tasks.update(later.tasks)
        self.attempts += later.attempts
        self.signals += later.signals
        self.acquires += later.acquires
        self.released += later.released
        self.lookups += later.lookups
        self.cached += later.cached
        self.children += later.children
        self.told += later.told
        self.began = self.began or later.began
        self.ended = self.ended or later.ended
        self.commands += later.commands
        self.ignored += later.ignored
