"""Roles as real processes, and waiting for things to become true."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")
COMMAND = [str(Path(sys.executable).parent / "chronoverse")]


def until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Return what `condition` gives once it is true; fail with `what` when that takes too long."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"it did not come to pass in {seconds} s: {what}"
        pause.wait(0.05)


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """PR_SET_PDEATHSIG: a test run that is killed leaves nothing running."""
    _libc.prctl(1, signal.SIGKILL)


class Process:
    """One `chronoverse` process with its log in a file."""

    def __init__(self, name: str, arguments: list[str], directory: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._file = self.log.open("w")
        self.popen = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=directory,
            env={**os.environ, **environ},
            stdout=self._file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a test process has no other threads that fork
        )

    def kill(self) -> None:
        """kill -9: the process itself, nothing it started."""
        self.popen.kill()
        self.popen.wait()

    def interrupt(self, number: int = signal.SIGINT, seconds: float = 60) -> int:
        """Ask it to stop and return its exit status."""
        self.popen.send_signal(number)
        return self.popen.wait(seconds)

    def said(self) -> str:
        """Return what it has printed."""
        return self.log.read_text()

    def close(self) -> None:
        """End it, however it stands."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self._file.close()


class Processes:
    """Processes that end with the block."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._directory = directory
        self._environ = environ
        self._started: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._started):
            process.close()
        if kind is not None:
            for process in self._started:
                print(f"--- {process.name}\n{process.said()[-4000:]}")

    def start(self, name: str, *arguments: str, **environ: str) -> Process:
        """Start one."""
        process = Process(name, list(arguments), self._directory, {**self._environ, **environ})
        self._started.append(process)
        return process
