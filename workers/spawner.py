"""The worker's side of the spawner: start a process, read from it, signal it, learn how it ended.

The other side, and how nothing survives, stand in `workers.spawner_loop`; what goes between them in
`workers.spawner_lines`.
"""

import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from engine.broker.logs import Stream
from workers.runners.interface import RunnerError
from workers.spawner_lines import EXIT, FRAME

READ_BYTES: int = 128 * 1024
CLOSE_SECONDS_MAX: float = 10.0
_STREAMS: Mapping[bytes, Stream] = {b"O": "stdout", b"R": "stderr"}


class SpawnerLostError(RunnerError):
    """The spawner's process ended while an attempt ran; its processes died with it."""


class Child:
    """One started process: its output and its end. Used by one thread, but for `terminate` and `kill`."""

    def __init__(self, line: socket.socket) -> None:
        self._line: socket.socket | None = line
        self._unread = b""
        self._sending = threading.Lock()
        self._paused = False
        self.pid: int | None = None
        self.error = ""
        self.exit_code: int | None = None
        """Negative: the number of the signal that killed it."""
        self.terminated = False
        self.directory_left = True
        """Whether there is something to remove: an ended process that left only outputs leaves no directory."""
        self.outputs: bytes | None = None
        """What it wrote as outputs, None if that is still in its file."""

    def pause(self, paused: bool) -> None:
        """Read its output no further, or again: a full pipe makes the process wait."""
        if paused != self._paused:
            self._paused = paused
            self._command(b"H" if paused else b"G")

    def read(self, timeout_seconds: float | None) -> list[tuple[Stream, bytes]]:
        """Wait for output or for news, which goes into the attributes, and return the output.

        Raises `SpawnerLostError`.
        """
        assert self._line is not None
        if timeout_seconds is not None and not _readable(self._line, timeout_seconds):
            return []
        try:
            data = self._line.recv(READ_BYTES)
        except OSError:
            data = b""
        if not data:
            raise SpawnerLostError("the spawner's process ended, and this attempt's processes with it")
        self._unread += data
        return self._frames()

    def terminate(self) -> None:
        """Send TERM to the process group; `terminated` turns true when it was done."""
        self._command(b"T")

    def kill(self) -> None:
        """Send KILL to the process group."""
        self._command(b"K")

    def release(self) -> socket.socket | None:
        """Let go of the line and return it, if it can carry another attempt. Idempotent."""
        with self._sending:
            line, self._line = self._line, None
        if line is not None and self.exit_code is None:
            line.close()  # and so what is left of it is killed
            return None
        return line

    def _command(self, command: bytes) -> None:
        with self._sending, suppress(OSError):
            if self._line is not None:
                self._line.sendall(FRAME.pack(command, 0))

    def _frames(self) -> list[tuple[Stream, bytes]]:
        output: list[tuple[Stream, bytes]] = []
        data, at = self._unread, 0
        while len(data) - at >= FRAME.size:
            kind, length = FRAME.unpack_from(data, at)
            end = at + FRAME.size + length
            if len(data) < end:
                break
            content = data[at + FRAME.size : end]
            at = end
            if kind in _STREAMS:
                output.append((_STREAMS[kind], content))
            else:
                self._news(kind, content)
        self._unread = data[at:]
        return output

    def _news(self, kind: bytes, content: bytes) -> None:
        match kind:
            case b"P":
                self.pid = int(content)
            case b"E":
                self.error = content.decode(errors="replace")
            case b"T":
                self.terminated = True
            case b"X":
                self.exit_code, self.directory_left, read = EXIT.unpack_from(content)
                self.outputs = content[EXIT.size :] if read else None


class Spawner:
    """Starts processes through a small process of its own, which is started when first needed and when it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._idle: list[socket.socket] = []

    def start(self) -> None:
        """Start the spawner's process unless it runs."""
        with self._lock:
            self._ensure()

    def spawn(
        self, argv: Sequence[str], env: Mapping[str, str], root: str, script: str, *, paused: bool = False
    ) -> Child:
        """Start a process in its own session, in the fresh directory `root/work`, beside which `script` is put.

        What it writes to the file `root/output` are its outputs. Raises `RunnerError` if there is no such program, or
        no spawner.
        """
        program = _find(argv[0], env.get("PATH", os.defpath))
        content = _request(program, argv, env, root, script)
        frames = FRAME.pack(b"S", len(content)) + content
        try:
            child = Child(self._sent(frames))
        except OSError as error:
            raise RunnerError(f"no process could be started: {error}") from error
        child.pause(paused)
        return child

    def give_back(self, child: Child) -> None:
        """Let go of a child: of one that has not ended, everything is killed. Idempotent."""
        line = child.release()
        if line is not None:
            with self._lock:
                self._idle.append(line)

    def close(self) -> None:
        """End the spawner, which kills what it started. Idempotent."""
        with self._lock:
            self._forget_lines()
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                try:
                    self._process.wait(CLOSE_SECONDS_MAX)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            self._control = self._process = None

    def _sent(self, frames: bytes) -> socket.socket:
        """Return a line over which the frames went."""
        with self._lock:
            line = self._idle.pop() if self._idle else self._open()
        try:
            line.sendall(frames)
        except OSError:  # of a spawner that has died; the next one is asked afresh
            line.close()
            with self._lock:
                self._forget_lines()
                line = self._open()
            line.sendall(frames)
        return line

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._ensure(), [b"L"], [theirs.fileno()])
            except OSError:
                self._process = None
                socket.send_fds(self._ensure(), [b"L"], [theirs.fileno()])
        return ours

    def _forget_lines(self) -> None:
        while self._idle:
            self._idle.pop().close()

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


def _request(program: str, argv: Sequence[str], env: Mapping[str, str], root: str, script: str) -> bytes:
    settings = [f"{name}={value}" for name, value in env.items()]
    fields = [root, program, str(len(argv)), *argv, *settings]
    joined = "".join([f"{field}\0" for field in fields])
    if joined.count("\0") != len(fields):
        raise RunnerError(
            "a variable or an argument of the script holds a NUL character, which no process can be given"
        )
    encoded = os.fsencode(joined)
    return struct.pack("!I", len(encoded)) + encoded + script.encode()


def _readable(line: socket.socket, timeout_seconds: float) -> bool:
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return bool(poll.poll(max(0.0, timeout_seconds * 1000)))


@lru_cache(maxsize=256)
def _looked_up(program: str, path: str, _second: int) -> str | None:
    return shutil.which(program, path=path)


def _find(program: str, path: str) -> str:
    """Return the program's place. Looked for here, once a second: each failed `exec` costs 0.2 ms."""
    if "/" in program:
        return program
    found = _looked_up(program, path, int(time.monotonic()))
    if found is None:
        raise RunnerError(f"'{program}' is not on this worker's PATH ({path})")
    return found
