"""Carries out attempts in containers, and finds again those of an earlier process."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.broker.messages import OUTPUTS_BYTES_MAX
from workers.artifacts import ArtifactsError, Limits
from workers.config import WorkerConfig
from workers.outputs import OutputError, parse, typed
from workers.runners.container import options
from workers.runners.container.archive import DIRECTORY, OUTPUT, WORK, file_out, files_in
from workers.runners.container.client import (
    EngineClient,
    EngineUnreachableError,
    NameTakenError,
    NoSuchContainerError,
    NoSuchImageError,
    Standing,
)
from workers.runners.container.files import copy_left, put_handed, put_tree
from workers.runners.container.follower import Follower
from workers.runners.container.images import Images, PullStoppedError
from workers.runners.interface import Attempt, Left, LogSink, Result, RunnerError, StopToken, without_files

log = logging.getLogger(__name__)

TAR_OVERHEAD_BYTES: int = 16 * 1024
KILL_AGAIN_SECONDS: float = 5.0


class ContainerRunner:
    """Runs containers. One stays until its result is kept on disk, so a restarted worker finds it."""

    def __init__(self, engine: EngineClient, config: WorkerConfig) -> None:
        self._engine = engine
        self._config = config
        self._images = Images(engine)
        self._init = True

    @property
    def kinds(self) -> Sequence[str]:
        """What it takes."""
        return ("container",)

    @property
    def resumes(self) -> bool:
        """A container outlives its worker."""
        return True

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:
        """Create the container unless it is there, start it, and stay with it until it ends."""
        name = options.container_name(attempt)
        attempt.journal.container(name)
        try:
            if not attempt.resumed:
                self._prepare(attempt, name, sink, stop)
                self._start(attempt, name)
        except PullStoppedError:
            return stop.outcome(attempt.grace_seconds) if stop.requested else attempt.timed_out()
        # Twice what the sink lets through: it hides secrets first, then cuts, so that none is cut in two unseen.
        line_bytes_max = 2 * self._config.log_line_bytes_max
        follower = Follower(self._engine, name, sink, attempt.log_position, line_bytes_max)
        follower.start()
        attendance = _Attendance(self._engine, name, attempt, stop, follower)
        with stop.calling(attendance.wake):
            standing = attendance.attend()
        return self._keep(attempt, name, self._result(attempt, name, standing, attendance, stop), sink)

    def kept(self, attempt: Attempt) -> None:
        """Remove the container: its result is on disk."""
        try:
            self._engine.remove(options.container_name(attempt))
        except RunnerError as error:
            log.warning("%s; the next sweep tries again", error)

    def reattach(self, left: Left) -> bool:
        """Return whether the container is still there, and was started."""
        if not left.container:
            return False
        try:
            standing = self._engine.standing(left.container)
        except EngineUnreachableError as error:
            log.warning("%s; attempt %s is given up", error, left.attempt)
            return False
        except NoSuchContainerError:
            return False
        return standing.status != "created" and standing.labels.get(options.CLAIM_LABEL) == left.claim_id

    def sweep(self, live: Callable[[], frozenset[str]]) -> None:
        """Remove this worker's containers whose attempts are not held any more."""
        found = self._engine.labelled(options.worker_labels(self._config))
        claims = live()
        for container, labels in found:
            if labels.get(options.CLAIM_LABEL) not in claims:
                log.info("container %s of ended attempt is removed", labels.get(options.LABEL + "attempt"))
                self._engine.remove(container)

    def prepare(self, image: str) -> None:
        """Pull the image unless it is here."""
        self._images.fetch(image)

    def close(self) -> None:
        """Close the connections to the engine."""
        self._engine.close()

    def _prepare(self, attempt: Attempt, name: str, sink: LogSink, stop: StopToken) -> None:
        """Create the container with its files in it."""
        image, pull = str(attempt.spec["image"]), attempt.spec.get("pull", "missing")
        if pull == "always":
            sink.line("system", f"pulling {image}")
            self._images.pull(attempt, stop)
        try:
            self._create(image, name, attempt)
        except NoSuchImageError:
            if pull != "missing":
                raise
            sink.line("system", f"pulling {image}")
            self._images.pull(attempt, stop)
            self._create(image, name, attempt)

    def _create(self, image: str, name: str, attempt: Attempt) -> None:
        limits = options.limits(attempt, self._config, init=self._init)
        try:
            self._engine.create(image, name, options.options(attempt, self._config), limits)
        except NameTakenError:
            # The engine carried out an earlier request whose answer was lost.
            log.info("container %s exists already", name)
        if options.wants_files(attempt):
            script = attempt.spec.get("script")
            place = DIRECTORY if attempt.spec.get("read_only") else "/"
            self._engine.put(name, place, files_in(None if script is None else str(script), place))
        if attempt.tree is not None:
            attempt.tree.seek(0)
            put_tree(self._engine, name, str(attempt.spec.get("workdir") or WORK), attempt.tree)
        if attempt.handed is not None:
            put_handed(self._engine, name, attempt.handed)

    def _start(self, attempt: Attempt, name: str) -> None:
        try:
            self._engine.start(name)
        except EngineUnreachableError:
            raise
        except RunnerError as error:
            self._engine.remove(name)
            if not (self._init and "docker-init" in str(error)):
                raise
            log.warning("the Docker engine has no init program; signals reach the first process only")
            self._init = False
            self._create(str(attempt.spec["image"]), name, attempt)
            self._start(attempt, name)

    def _result(
        self, attempt: Attempt, name: str, standing: Standing, attendance: "_Attendance", stop: StopToken
    ) -> Result:
        code = standing.exit_code
        if code == 0 and not attendance.timed_out:
            try:
                return Result.succeeded(self._outputs(attempt, name), code)
            except OutputError as error:
                return Result.failed("invalid_output", str(error), code)
        if attendance.timed_out:
            return Result.failed("timeout", attempt.timed_out().message, code)
        if stop.requested:
            return stop.outcome(attempt.grace_seconds, code)
        why = ": out of memory" if standing.oom_killed else f": {standing.error}" if standing.error else ""
        return Result.failed("exit", f"the container ended with exit code {code}{why}", code)

    def _keep(self, attempt: Attempt, name: str, result: Result, sink: LogSink) -> Result:
        """Copy what the attempt leaves out of the container, and have it kept."""
        if not attempt.leaves or result.state == "cancelled":
            return result
        limits = Limits(bytes_max=self._config.artifact_bytes_max)
        with TemporaryDirectory(dir=self._config.state_dir) as directory:
            try:
                copy_left(self._engine, name, attempt.leaves, Path(directory), limits)
            except ArtifactsError as error:
                return without_files(result, "invalid_output", str(error), sink)
            return attempt.keep(Path(directory), result, sink)

    def _outputs(self, attempt: Attempt, name: str) -> dict[str, object]:
        if not attempt.outputs:
            return {}
        data = self._engine.get(name, OUTPUT, OUTPUTS_BYTES_MAX + TAR_OVERHEAD_BYTES)
        return typed(parse(file_out(data, OUTPUTS_BYTES_MAX) if data is not None else b""), attempt.outputs)


@dataclass(slots=True)
class _Attendance:
    """Stays with one container until its end: timeout, TERM, grace, KILL."""

    engine: EngineClient
    name: str
    attempt: Attempt
    stop: StopToken
    follower: Follower
    timed_out: bool = False
    kill_at: float | None = None
    killed: bool = False

    def wake(self) -> None:
        """Look again at once."""
        with self.follower.changed:
            self.follower.changed.notify_all()

    def attend(self) -> Standing:
        """Wait for the end and return where the container stands then. Raises `RunnerError`."""
        while not self._wait():
            self._enforce(time.monotonic())
        self.follower.close()
        if self.follower.standing is None:
            raise self.follower.failure or RunnerError("the container was lost sight of")
        return self.follower.standing

    def _wait(self) -> bool:
        with self.follower.changed:
            if not self.follower.ended and not self._due(time.monotonic()):
                self.follower.changed.wait(self._wait_seconds())
            return self.follower.ended

    def _due(self, now: float) -> bool:
        forced = self.stop.force and not self.killed
        gently = self.stop.requested and self.kill_at is None
        late = not self.timed_out and self.attempt.deadline is not None and now >= self.attempt.deadline
        return forced or gently or late or (self.kill_at is not None and now >= self.kill_at)

    def _wait_seconds(self) -> float | None:
        ends = [self.kill_at, None if self.timed_out else self.attempt.deadline]
        waits = [at - time.monotonic() for at in ends if at is not None]
        return max(0.0, min(waits)) if waits else None

    def _enforce(self, now: float) -> None:
        late = not self.timed_out and self.attempt.deadline is not None and now >= self.attempt.deadline
        self.timed_out = self.timed_out or late
        if (self.stop.force and not self.killed) or (self.kill_at is not None and now >= self.kill_at):
            self.killed = True
            self.engine.kill(self.name, "SIGKILL")
            self.kill_at = now + KILL_AGAIN_SECONDS
        elif (late or self.stop.requested) and self.kill_at is None:
            self.engine.kill(self.name, "SIGTERM")
            self.kill_at = now + self.attempt.grace_seconds
