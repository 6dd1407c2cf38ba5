"""Running transfers: each in a process of its own, which ends in time, when it is told to, and with the engine."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from engine.sync.git.job import Answer, Job
from engine.sync.source import FetchError

ANSWER_BYTES_MAX: Final = 64 * 1024
AT_ONCE_MAX: Final = 8
"""Transfers that run at the same time, of all sources of a process: each is a process with an interpreter."""
TURN_SECONDS: Final = 0.1
_ROOT: Final = Path(__file__).resolve().parents[3]
_PROGRAM: Final = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from engine.sync.git.transfer import main; main()"
"""The same code that runs here, wherever it was imported from."""
_PASSED: Final = ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR")


_turns: Final = threading.BoundedSemaphore(AT_ONCE_MAX)


class Transfers:
    """Runs one transfer at a time. `stop` may be called by any thread."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._guard = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self.stopping = threading.Event()

    def run(self, job: Job, known_hosts: str = "") -> Answer:
        """Do a job; `job.home` is set here. Raises `FetchError`."""
        with self._turn(), tempfile.TemporaryDirectory(prefix="chronoverse-git-") as home:
            (Path(home) / ".ssh").mkdir(mode=0o700)
            (Path(home) / ".ssh" / "known_hosts").write_text(known_hosts.rstrip("\n") + "\n")
            said, late = self._talk(msgspec.structs.replace(job, home=home))
        if self.stopping.is_set():
            raise FetchError("interrupted", f"the fetch of {job.url} was ended, since the server stops")
        if late:
            hint = "it is asked again; timeout_seconds is how long a fetch may take"
            raise FetchError("timeout", f"{job.url} was not fetched in {self._timeout_seconds:g} s\n  hint: {hint}")
        try:
            answer = msgspec.json.decode(said, type=Answer)
        except msgspec.DecodeError:
            message = f"the process that fetches {job.url} ended without an answer\n  hint: is there memory enough?"
            raise FetchError("failed", message) from None
        if answer.reason:
            raise FetchError(answer.reason, answer.message)
        return answer

    def stop(self) -> None:
        """End what runs, and what would."""
        with self._guard:
            self.stopping.set()
            if self._running is not None:
                self._running.kill()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until so many others do not run; a stop ends the wait."""
        while not _turns.acquire(timeout=TURN_SECONDS):
            if self.stopping.is_set():
                raise FetchError("interrupted", "the fetch was ended, since the server stops")
        try:
            yield
        finally:
            _turns.release()

    def _talk(self, job: Job) -> tuple[bytes, bool]:
        """Give the process its job, and return what it says and whether its time was over."""
        with self._guard:
            if self.stopping.is_set():
                return b"", False
            process = self._running = _start(job.home)
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._timeout_seconds, end)
        timer.daemon = True
        timer.start()
        try:
            return _exchange(process, msgspec.json.encode(job) + b"\n"), late.is_set()
        finally:
            timer.cancel()
            with self._guard:
                self._running = None
            process.kill()
            process.wait()


def _start(home: str) -> subprocess.Popen[bytes]:
    """Start the process with nothing of the server's environment that it does not need: there are secrets in it."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - this very interpreter, with a program of ours
        [sys.executable, "-I", "-c", _PROGRAM],
        env={**passed, "HOME": home},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _exchange(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """Write the job, and read to the end. Standard input stays open: its end would end the process."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with process.stdin, process.stdout:
            process.stdin.write(text)
            process.stdin.flush()
            return process.stdout.read(ANSWER_BYTES_MAX)
    except BrokenPipeError:
        return b""
