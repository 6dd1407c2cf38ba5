"""Kind `run`: a script in a fresh directory, by a process on the worker's own machine."""

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.checkouts import unpack
from workers.config import WorkerConfig
from workers.outputs import OutputError, parse, read, typed
from workers.processes import CLAIM_VARIABLE, boot_id, end_left, started
from workers.runners.interface import HANDED_VARIABLE, Attempt, Left, LogSink, Result, RunnerError, StopToken
from workers.runners.scripts import shell_argv
from workers.spawner import Child, Spawner, SpawnerLostError

FULL_LOOK_SECONDS: float = 0.1
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ProcessRunner:
    """Runs scripts. The attempt's directory holds the script, the file for outputs, and `work`, where it starts."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._spawner = Spawner()
        self._boot_id = boot_id()
        shutil.rmtree(config.work_dir, ignore_errors=True)
        config.work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._work = str(config.work_dir)
        self._base_env = _base_env(config.inherited_env, os.environ)
        self._spawner.start()

    @property
    def kinds(self) -> Sequence[str]:
        """What it takes."""
        return ("run",)

    @property
    def resumes(self) -> bool:
        """A process does not outlive its worker."""
        return False

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:
        """Run the script. Nothing of it is left when this returns."""
        root = f"{self._work}/{attempt.claim_id}"
        if attempt.tree is not None:
            Path(root, "work").mkdir(parents=True)
            unpack(attempt.tree, Path(root, "work"))
        argv = shell_argv(attempt.spec.get("shell", "bash"), f"{root}/script")
        env = self._env(attempt, f"{root}/output")
        child = self._spawner.spawn(argv, env, root, str(attempt.spec["script"]), paused=sink.full)
        try:
            with stop.calling(lambda: _signal(child, stop)):
                result = _Attendance(self._boot_id, attempt, child, sink, stop).attend(Path(root, "output"))
            return attempt.keep(Path(root, "work"), result, sink)
        except SpawnerLostError as error:
            end_left(Left(attempt=attempt.name, claim_id=attempt.claim_id, kind="run", boot_id=self._boot_id))
            return Result.failed("lost", str(error))
        finally:
            self._spawner.give_back(child)
            if child.directory_left:
                _remove(Path(root))

    def reattach(self, left: Left) -> bool:
        """Kill what is left: the attempt cannot go on."""
        end_left(left)
        return False

    def kept(self, attempt: Attempt) -> None:
        """Do nothing: an ended process leaves nothing."""

    def close(self) -> None:
        """End the spawner."""
        self._spawner.close()

    def _env(self, attempt: Attempt, output: str) -> dict[str, str]:
        return {
            **self._base_env,
            "CHRONOVERSE_RUN_ID": attempt.run_id,
            "CHRONOVERSE_ATTEMPT": str(attempt.number),
            **({} if attempt.handed is None else {HANDED_VARIABLE: str(attempt.handed)}),
            **attempt.env,
            "CHRONOVERSE_OUTPUT": output,
            CLAIM_VARIABLE: attempt.claim_id,
        }


@dataclass(slots=True)
class _Attendance:
    """Stays with one child until its end."""

    boot_id: str
    attempt: Attempt
    child: Child
    sink: LogSink
    stop: StopToken
    kill_at: float | None = None
    timed_out: bool = False
    noted: bool = False

    def attend(self, output: Path) -> Result:
        """Read, enforce timeout and grace, and return the result."""
        while self.child.exit_code is None:
            self.child.pause(self.sink.full)
            for stream, data in self.child.read(self._wait_seconds()):
                self.sink.write(stream, data)
            self._note()
            self._enforce()
        return self._result(self.child.exit_code, output)

    def _note(self) -> None:
        if not self.noted and self.child.pid is not None and self.child.exit_code is None:
            self.noted = True
            self.attempt.journal.process(self.child.pid, started(self.child.pid), self.boot_id)

    def _wait_seconds(self) -> float | None:
        now = time.monotonic()
        ends = [at for at in (self.kill_at, None if self.timed_out else self.attempt.deadline) if at is not None]
        waits = [at - now for at in ends] + ([FULL_LOOK_SECONDS] if self.sink.full else [])
        return max(0.0, min(waits)) if waits else None

    def _enforce(self) -> None:
        now = time.monotonic()
        if not self.timed_out and self.attempt.deadline is not None and now >= self.attempt.deadline:
            self.timed_out = True
            self.child.terminate()
        if self.child.terminated and self.kill_at is None:
            self.kill_at = now + self.attempt.grace_seconds
        elif self.kill_at is not None and now >= self.kill_at:
            self.kill_at = now + self.attempt.grace_seconds + 1.0
            self.child.kill()

    def _outputs(self, path: Path) -> dict[str, Any]:
        written = self.child.outputs
        return read(path, self.attempt.outputs) if written is None else typed(parse(written), self.attempt.outputs)

    def _result(self, exit_code: int, output: Path) -> Result:
        if self.child.error:
            raise RunnerError(self.child.error)
        if exit_code == 0 and not self.timed_out:
            try:
                return Result.succeeded(self._outputs(output), exit_code)
            except OutputError as error:
                return Result.failed("invalid_output", str(error), exit_code)
        code = exit_code if exit_code >= 0 else 128 - exit_code
        if self.timed_out:
            return Result.failed("timeout", self.attempt.timed_out().message, code)
        if self.stop.requested:
            return self.stop.outcome(self.attempt.grace_seconds, code)
        how = f"ended with exit code {exit_code}" if exit_code > 0 else f"was killed by signal {-exit_code}"
        return Result.failed("exit", f"the script {how}", code)


def _signal(child: Child, stop: StopToken) -> None:
    if stop.force:
        child.kill()
    else:
        child.terminate()


def _base_env(names: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    kept = {name: environment[name] for name in names if name in environment}
    return {"PATH": DEFAULT_PATH, "LANG": "C.UTF-8", **kept}


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path, onerror=_insist)


def _insist(remove: Callable[[str], object], path: str, _: object) -> None:
    """Make a directory that the script left read-only writable, and remove again."""
    for place in (Path(path).parent, Path(path)):
        if place.is_dir() and not place.is_symlink():
            place.chmod(0o700)
    if Path(path).is_dir() and not Path(path).is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        remove(path)
