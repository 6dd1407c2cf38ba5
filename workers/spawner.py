"""The worker's side of the spawner: start a process, read from it, signal it, learn how it ended.

The other side, and how it lets nothing survive, stands in `workers.spawner_main`.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from engine.broker.logs import Stream
from workers.runners.interface import RunnerError

READ_BYTES: int = 64 * 1024
CLOSE_SECONDS_MAX: float = 10.0


class SpawnerLostError(RunnerError):
    """The spawner's process ended while an attempt ran; its processes died with it."""


class Child:
    """One started process: its output and its end. Used by one thread, but for `terminate` and `kill`."""

    def __init__(self, control: socket.socket, stdout: int, stderr: int) -> None:
        self._control = control
        self._pipes: dict[int, Stream] = {stdout: "stdout", stderr: "stderr"}
        self._unread = b""
        self._sending = threading.Lock()
        self.pid: int | None = None
        self.error = ""
        self.exit_code: int | None = None
        """Negative: the number of the signal that killed it."""
        self.terminated = False
        self._poll = select.poll()
        for fd in (control.fileno(), *self._pipes):
            self._poll.register(fd, select.POLLIN)
        self._paused = False

    def pause(self, paused: bool) -> None:
        """Read its output no further, or again: a full pipe makes the process wait."""
        if paused != self._paused:
            self._paused = paused
            for fd in self._pipes:
                if paused:
                    self._poll.unregister(fd)
                else:
                    self._poll.register(fd, select.POLLIN)

    def read(self, timeout_seconds: float | None) -> list[tuple[Stream, bytes]]:
        """Wait for output or for news, which goes into the attributes, and return the output.

        Raises `SpawnerLostError`.
        """
        milliseconds = None if timeout_seconds is None else max(0.0, timeout_seconds * 1000)
        ready = [fd for fd, _ in self._poll.poll(milliseconds)]
        output = [piece for fd in ready if fd in self._pipes and (piece := self._read_pipe(fd))]
        if self._control.fileno() in ready:
            self._read_news()
        return output

    def rest(self) -> list[tuple[Stream, bytes]]:
        """Return what is still in the pipes. Does not wait: who could write more is dead, or beyond our reach."""
        output = []
        for fd in list(self._pipes):
            os.set_blocking(fd, False)
            with contextlib.suppress(BlockingIOError):
                while piece := self._read_pipe(fd):
                    output.append(piece)
        return output

    def terminate(self) -> None:
        """Send TERM to the process group; `terminated` turns true when it was done."""
        self._command(b"T")

    def kill(self) -> None:
        """Send KILL to the process group."""
        self._command(b"K")

    def close(self) -> None:
        """Let go: what is left of it is killed. Idempotent."""
        with self._sending:
            self._control.close()
        for fd in list(self._pipes):
            self._close_pipe(fd)

    def _command(self, command: bytes) -> None:
        with self._sending, contextlib.suppress(OSError):
            if self._control.fileno() >= 0:
                self._control.sendall(command)

    def _read_pipe(self, fd: int) -> tuple[Stream, bytes] | None:
        stream = self._pipes[fd]
        data = os.read(fd, READ_BYTES)
        if not data:
            self._close_pipe(fd)
            return None
        return stream, data

    def _close_pipe(self, fd: int) -> None:
        if self._pipes.pop(fd, None) is not None:
            if not self._paused:
                self._poll.unregister(fd)
            os.close(fd)

    def _read_news(self) -> None:
        try:
            data = self._control.recv(4096)
        except OSError:
            data = b""
        if not data and self.exit_code is None:
            raise SpawnerLostError("the spawner's process ended, and this attempt's processes with it")
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            match word:
                case "P":
                    self.pid = int(rest)
                case "E":
                    self.error = rest
                case "T":
                    self.terminated = True
                case "X":
                    self.exit_code = int(rest)


class Spawner:
    """Starts processes through a small process of its own, which is started when first needed and when it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Start the spawner's process unless it runs."""
        with self._lock:
            self._ensure()

    def spawn(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Child:
        """Start a process in its own session. Raises `RunnerError` if there is no such program, or no spawner."""
        program = _find(argv[0], env.get("PATH", os.defpath))
        request = json.dumps({"program": program, "argv": list(argv), "env": dict(env), "cwd": str(cwd)}).encode()
        try:
            return self._spawn(struct.pack("!I", len(request)) + request)
        except OSError as error:
            raise RunnerError(f"no process could be started: {error}") from error

    def close(self) -> None:
        """End the spawner, which kills what it started. Idempotent."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                try:
                    self._process.wait(CLOSE_SECONDS_MAX)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            self._control = self._process = None

    def _spawn(self, request: bytes) -> Child:
        ours, theirs = socket.socketpair()
        (stdout, stdout_end), (stderr, stderr_end) = os.pipe(), os.pipe()
        child = Child(ours, stdout, stderr)
        try:
            with self._lock:
                self._hand_over([theirs.fileno(), stdout_end, stderr_end])
            theirs.close()  # before the request: were the spawner gone, sending would otherwise wait for ever
            ours.sendall(request)
        except OSError:
            child.close()
            raise
        finally:
            theirs.close()
            os.close(stdout_end)
            os.close(stderr_end)
        return child

    def _hand_over(self, fds: list[int]) -> None:
        try:
            socket.send_fds(self._ensure(), [b"S"], fds)
        except OSError:
            self._process = None
            socket.send_fds(self._ensure(), [b"S"], fds)

    def _ensure(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        if self._control is not None:
            self._control.close()
        ours, theirs = socket.socketpair()
        program = Path(__file__).with_name("spawner_main.py")
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", "-E", str(program), str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )
        self._control = ours
        return ours


@lru_cache(maxsize=256)
def _find_once(program: str, path: str) -> str | None:
    return shutil.which(program, path=path)


def _find(program: str, path: str) -> str:
    """Return the program's place. Looked for here, once: each failed `exec` of a fresh process costs 0.2 ms."""
    if "/" in program:
        return program
    found = _find_once(program, path)
    if found is None or not os.access(found, os.X_OK):
        _find_once.cache_clear()
        found = _find_once(program, path)
    if found is None:
        raise RunnerError(f"'{program}' is not on this worker's PATH ({path})")
    return found
