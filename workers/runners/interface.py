"""What a runner is: the code that carries out the attempts of one kind of task.

A package adds runners through the entry-point group `chronoverse.runners`; the entry point names a callable
`(WorkerConfig) -> Runner | None`, where None means that the kind cannot be offered on this machine. `docs/runners.md`
shows one from end to end.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol, Self, runtime_checkable

from engine.broker.logs import Stream

ENTRY_POINT_GROUP = "chronoverse.runners"
HANDED_VARIABLE = "CHRONOVERSE_ARTIFACTS"
"""Where a script finds the directory of what earlier tasks left."""


def run_id_of(attempt: str) -> str:
    """Return the run of an attempt, by its name."""
    return attempt[:36]


class RunnerError(Exception):
    """An attempt could not be carried out for a reason that is not the task's own; the message is for its author."""


class LogSink(Protocol):
    """Takes what an attempt says. Bounded; lines keep their order."""

    def write(self, stream: Stream, data: bytes) -> None:
        """Take bytes as they come: lines are cut out of them. Never blocks; see `full`."""

    def line(self, stream: Stream, text: str, at: datetime | None = None, position: str = "") -> None:
        """Take one whole line, read at `at` (default: now); `position` is where its source stands after it."""

    @property
    def full(self) -> bool:
        """Whether the sink asks for a pause: too much is unconfirmed. A runner then stops reading its source."""


class Journal(Protocol):
    """Keeps on disk what a restarted worker needs to find again what an attempt started."""

    def begin(self) -> None:
        """Write that the attempt begins. Raises `OSError`. Called by the worker."""

    def process(self, pid: int, started: str, boot_id: str) -> None:
        """Note the leader of the attempt's process group."""

    def container(self, name: str) -> None:
        """Note the attempt's container."""


class Files(Protocol):
    """The files that earlier tasks left for an attempt, and those that it is to leave."""

    @property
    def patterns(self) -> Sequence[str]:
        """Which files the attempt is to leave."""

    @property
    def handed(self) -> Path | None:
        """The directory of what earlier tasks left, a folder a task; None where none did."""

    @property
    def tree(self) -> IO[bytes] | None:
        """The source tree that the attempt starts in a copy of, as a tar archive; None where it does not."""

    def fetch(self) -> None:
        """Have `handed` and `tree`. Raises `RunnerError`. Called by the worker."""

    def keep(self, directory: Path, result: "Result", sink: LogSink) -> "Result":
        """Keep what the patterns name below `directory`, and return the attempt's result.

        A success without one of its files, or with more than may be kept, is none. What a failed attempt left is kept
        where it can be; what a cancelled one left is not.
        """


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended. `state` and `reason` are those of `engine.machine.states`, as text."""

    state: str
    reason: str | None = None
    message: str = ""
    exit_code: int | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def succeeded(cls, outputs: Mapping[str, Any] | None = None, exit_code: int | None = None) -> Self:
        """Return a success."""
        return cls("succeeded", exit_code=exit_code, outputs=outputs or {})

    @classmethod
    def failed(cls, reason: str, message: str, exit_code: int | None = None) -> Self:
        """Return a failure with its reason and a sentence for a person."""
        return cls("failed", reason, message, exit_code)

    @classmethod
    def cancelled(cls, message: str, exit_code: int | None = None) -> Self:
        """Return a cancellation; the engine knows who asked for it."""
        return cls("cancelled", None, message, exit_code)


def without_files(result: Result, reason: str, message: str, sink: LogSink) -> Result:
    """Return the result of an attempt whose files cannot be kept: a success fails, a failure stays and it is said."""
    if result.state == "succeeded":
        return Result.failed(reason, message, result.exit_code)
    sink.line("system", f"no artifacts: {message}")
    return result


class StopToken:
    """Tells a running attempt to end. The first request is gentle unless it says `force`; a later one may force."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._callbacks: list[Callable[[], None]] = []
        self.reason: str = ""
        self.requested = False
        self.force = False

    def request(self, reason: str, *, force: bool = False) -> None:
        """Ask for the end. The first reason stays; `force` sticks."""
        with self._condition:
            news = not self.requested or (force and not self.force)
            self.reason = self.reason or reason
            self.requested = True
            self.force = self.force or force
            callbacks = list(self._callbacks) if news else []
            self._condition.notify_all()
        for callback in callbacks:
            callback()

    def wait(self, timeout_seconds: float | None) -> bool:
        """Wait for a request; return whether there is one."""
        with self._condition:
            return self._condition.wait_for(lambda: self.requested, timeout_seconds)

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback`, from the requesting thread, at each request made meanwhile or before. It must not block."""
        with self._condition:
            self._callbacks.append(callback)
            already = self.requested
        if already:
            callback()
        try:
            yield
        finally:
            with self._condition:
                self._callbacks.remove(callback)

    def outcome(self, grace_seconds: float, exit_code: int | None = None) -> Result:
        """Return the result of an attempt that ended because of this request."""
        how = "at once" if self.force else f"within its grace of {grace_seconds:g} s"
        if self.reason == "timeout":
            return Result.failed("timeout", f"stopped {how}: its time was up", exit_code)
        if self.reason == "lost":
            return Result.failed("lost", f"stopped {how}: its worker ended or lost its lease", exit_code)
        return Result.cancelled(f"stopped {how}" + (f": {self.reason}" if self.reason else ""), exit_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One granted attempt. `env` is resolved; `outputs` are the declared names and their `dsl.model.ValueType`s.

    `deadline` is on the monotonic clock. `resumed` means that an earlier process of this worker started it, and
    that the runner said in `reattach` that it is still there.
    """

    name: str
    claim_id: str
    kind: str
    spec: Mapping[str, Any]
    env: Mapping[str, str]
    outputs: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: float = 10.0
    timeout_seconds: float | None = None
    deadline: float | None = None
    resumed: bool = False
    log_position: str = ""
    journal: Journal
    files: Files | None = None

    @property
    def run_id(self) -> str:
        """The run's id."""
        return run_id_of(self.name)

    @property
    def number(self) -> int:
        """Which try of its task run this is, from 1."""
        return int(self.name.rpartition(":")[2])

    @property
    def handed(self) -> Path | None:
        """The directory of what earlier tasks left, a folder a task; None where none did."""
        return None if self.files is None else self.files.handed

    @property
    def tree(self) -> IO[bytes] | None:
        """The source tree that the attempt starts in a copy of, as a tar archive; None where it does not."""
        return None if self.files is None else self.files.tree

    @property
    def leaves(self) -> Sequence[str]:
        """Which files are to be kept, as patterns of their names."""
        return () if self.files is None else self.files.patterns

    def keep(self, directory: Path, result: Result, sink: LogSink) -> Result:
        """Keep what is to be kept of `directory`, once all has ended; return what the result is then."""
        return result if self.files is None else self.files.keep(directory, result, sink)

    def remaining_seconds(self) -> float | None:
        """Return how much of the timeout is left (not below 0), or None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def timed_out(self) -> Result:
        """Return the result of an attempt whose timeout passed."""
        return Result.failed("timeout", f"took longer than its timeout of {self.timeout_seconds or 0:g} s")


@runtime_checkable
class Runner(Protocol):
    """Carries out the attempts of its kinds, several at once, each in the thread that calls."""

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of tasks that it takes."""

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:
        """Carry out the attempt and return how it ended; nothing of it may be left running.

        Honours `stop` and the deadline. Raises `RunnerError` if it could not be carried out.
        """

    def close(self) -> None:
        """Give back what the runner holds. No attempt runs any more. Idempotent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What the spool of an earlier process says about an attempt without a result."""

    attempt: str
    claim_id: str
    kind: str
    pid: int | None = None
    pid_started: str = ""
    boot_id: str = ""
    container: str = ""


@runtime_checkable
class Recovering(Runner, Protocol):
    """A runner whose attempts may leave something behind when the worker's process dies."""

    @property
    def resumes(self) -> bool:
        """Whether attempts can go on under a new process; their log is then kept on disk as it is read."""

    def reattach(self, left: Left) -> bool:
        """Return whether the attempt goes on and can be taken up again; if not, leave nothing of it running."""

    def kept(self, attempt: Attempt) -> None:
        """Take note that the attempt's result is on disk: what was needed to find it again can go."""


@runtime_checkable
class Sweeping(Runner, Protocol):
    """A runner that can find what nobody owns any more."""

    def sweep(self, live: Callable[[], frozenset[str]]) -> None:
        """Remove what attempts of this worker left behind, but for the claims in `live()`.

        It must be asked after looking for what is there: an attempt may start in between. Called now and then.
        """


@runtime_checkable
class Preparing(Runner, Protocol):
    """A runner that can fetch what later attempts need."""

    def prepare(self, image: str) -> None:
        """Fetch the image. Raises `RunnerError`."""
