"""The spawner's own process: starts processes for a worker, reaps them, and lets nothing survive its attempt.

It is a program of its own (`workers.spawner_main`) with nothing but the standard library, because forking a small
process with one thread costs a fraction of forking the worker: every module imported here costs each fork. It is
single-threaded and holds no state that matters to others. An attempt's files and pipes are its business too: in the
worker each such call would contend for the interpreter's lock with all other threads.

How nothing survives: every attempt's first process (its *leader*) becomes a "child subreaper" before it executes the
task, so whatever its descendants do (double forks, sessions of their own, cleared environments), they become children
of the leader at worst. When the leader ends they become children of this process, which is a subreaper too. Every child
here that is no leader is therefore a leftover, and is killed until there is none. A leader dies with this process
(PR_SET_PDEATHSIG), and this process kills all and ends when the worker does, however it ends.

Where the kernel lacks this (macOS), a leader's process group is killed, which daemons can escape.
"""

import gc
import os
import select
import signal
import socket
import sys
import time
from collections import deque

from workers.spawner_children import (
    LINUX,
    Leader,
    Line,
    available,
    become,
    become_subreaper,
    children,
    children_file,
    tidied,
)
from workers.spawner_lines import EXIT, Request

SURVIVOR_SECONDS_MAX = 5.0
REST_BYTES_MAX = 2 * 1024 * 1024
"""What is read of a pipe after the end, at most: more than a pipe holds. Who still writes then is beyond our reach."""


class Spawner:
    """The loop: requests in, processes out."""

    def __init__(self, control: socket.socket, worker_pid: int) -> None:
        self.me = os.getpid()
        self.control = control
        # The socket's end tells of the worker's death unless some fork of the worker holds its other end too.
        self.worker = os.pidfd_open(worker_pid) if LINUX else -1
        self.leaders: dict[int, Leader] = {}
        self.lines: dict[int, Line] = {}
        self.pipes: dict[int, Leader] = {}
        self.unannounced: deque[Leader] = deque()
        self.poll = select.poll()
        self.children = children_file(self.me)
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for fd in (control.fileno(), self.wake_read, self.worker):
            if fd >= 0:
                self.poll.register(fd, select.POLLIN)

    def serve(self) -> None:
        """Work until the worker is gone, then kill everything."""
        while self._step():
            pass
        for leader in self.leaders.values():
            leader.kill(signal.SIGKILL)
        until = time.monotonic() + SURVIVOR_SECONDS_MAX
        while (self._reap() or self._strays() or any(x.exit_code is None for x in self.leaders.values())) and (
            time.monotonic() < until
        ):
            self._kill_strays()
            time.sleep(0.002)

    def _step(self) -> bool:
        for fd, _ in self.poll.poll(self._patience()):
            if fd in self.pipes:
                self._read(self.pipes[fd], fd)
            elif fd in self.lines:
                self._serve_line(self.lines[fd])
            elif fd == self.wake_read:
                available(fd)
            elif fd == self.worker or (fd == self.control.fileno() and not self._accept()):
                return False
        self._reap()
        self._settle()
        self._announce()
        return True

    def _patience(self) -> "float | None":
        """Return how many milliseconds may pass without news."""
        if any(leader.exit_code is not None for leader in self.leaders.values()):
            return 20
        if self.unannounced:
            return max(0.0, self.unannounced[0].announce_at - time.monotonic()) * 1000 + 1
        return None

    def _announce(self) -> None:
        """Tell the process ids of those that have run for a moment."""
        while self.unannounced:
            leader = self.unannounced[0]
            if self.leaders.get(leader.pid) is leader and leader.exit_code is None:
                if time.monotonic() < leader.announce_at:
                    return
                leader.line.tell(b"P", b"%d" % leader.pid)
            self.unannounced.popleft()

    def _accept(self) -> bool:
        """Take a new line; return False when the worker has closed the control socket."""
        data, fds, _, _ = socket.recv_fds(self.control, 1, 1)
        for fd in fds:
            os.set_inheritable(fd, False)  # noqa: FBT003 - it takes no keyword
            self.lines[fd] = Line(socket.socket(fileno=fd))
            self.poll.register(fd, select.POLLIN)
        return bool(data)

    def _serve_line(self, line: Line) -> None:
        if line.unsent:
            line.flush()
        frames = line.frames()
        if frames is None:
            self._drop(line)
            return
        for kind, content in frames:
            if kind == b"S":
                self._start(line, content)
            elif line.leader is not None:
                _command(line, line.leader, kind)
        self._watch(line)

    def _start(self, line: Line, content: bytes) -> None:
        line.held = False
        wrong = "no directory for the attempt"
        try:
            request = Request(content)
            request.prepare()
            wrong = "no process could be started"
            line.leader = self._fork(line, request)
        except (OSError, ValueError) as error:
            line.tell(b"E", f"{wrong}: {error}".encode())
            line.tell(b"X", EXIT.pack(127, True, False))  # noqa: FBT003 - as above

    def _fork(self, line: Line, request: Request) -> Leader:
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()
            pid = os.fork()
        except OSError:
            for fd in ends:
                os.close(fd)
            raise
        if pid == 0:
            become(self.me, request, line.connection, ends[1], ends[3])
        os.close(ends[1])
        os.close(ends[3])
        leader = Leader(pid, line, request.root, {ends[0]: b"O", ends[2]: b"R"})
        for fd in leader.pipes:
            os.set_blocking(fd, False)
            self.pipes[fd] = leader
        self.leaders[pid] = leader
        self.unannounced.append(leader)
        return leader

    def _drop(self, line: Line) -> None:
        """Kill what runs on a line that has ended."""
        self.poll.unregister(line.connection)
        del self.lines[line.connection.fileno()]
        line.connection.close()
        line.held = True
        if line.leader is not None:
            line.leader.kill(signal.SIGKILL)
        self._watch(line)

    def _watch(self, line: Line) -> None:
        """Wait for output only as long as the line takes it."""
        if line.connection.fileno() in self.lines:
            self.poll.modify(line.connection, select.POLLIN | (select.POLLOUT if line.unsent else 0))
        leader, wanted = line.leader, not line.held and not line.unsent
        if leader is not None and leader.watched != wanted:
            leader.watched = wanted
            for fd in leader.pipes:
                if wanted:
                    self.poll.register(fd, select.POLLIN)
                else:
                    self.poll.unregister(fd)

    def _read(self, leader: Leader, fd: int) -> None:
        if not leader.watched:
            return
        data = available(fd)
        if data:
            leader.line.tell(leader.pipes[fd], data)
            if leader.line.unsent:
                self._watch(leader.line)
        elif data is not None:
            self._close_pipe(leader, fd)

    def _close_pipe(self, leader: Leader, fd: int) -> None:
        if leader.watched:
            self.poll.unregister(fd)
        del self.pipes[fd], leader.pipes[fd]
        os.close(fd)

    def _reap(self) -> bool:
        """Reap what has ended; return whether anything had."""
        any_ended = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return any_ended
            if pid == 0:
                return any_ended
            any_ended = True
            leader = self.leaders.get(pid)
            if leader is not None:
                leader.kill(signal.SIGKILL)
                leader.exit_code = os.waitstatus_to_exitcode(status)
                leader.ended_at = time.monotonic()

    def _strays(self) -> "list[int]":
        found = children(self.children, self.me)
        return [pid for pid in found if (it := self.leaders.get(pid)) is None or it.exit_code is not None]

    def _kill_strays(self) -> bool:
        strays = self._strays()
        for pid in strays:
            try:  # noqa: SIM105 - contextlib costs each fork
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        return bool(strays)

    def _settle(self) -> None:
        """Tell of the leaders that ended once nothing of theirs is left, or after a bounded time."""
        ended = [leader for leader in self.leaders.values() if leader.exit_code is not None]
        if not ended:
            return
        while (left := self._kill_strays()) and self._reap():
            pass
        for leader in ended:
            if not left or time.monotonic() - leader.ended_at >= SURVIVOR_SECONDS_MAX:
                del self.leaders[leader.pid]
                self._end(leader)

    def _end(self, leader: Leader) -> None:
        line = leader.line
        for fd, kind in list(leader.pipes.items()):
            size = 0
            while size < REST_BYTES_MAX and (data := available(fd)):
                line.tell(kind, data)
                size += len(data)
            self._close_pipe(leader, fd)
        outputs, left = tidied(leader.root)
        line.tell(b"X", EXIT.pack(leader.exit_code, left, outputs is not None) + (outputs or b""))
        line.leader = None
        self._watch(line)


def _command(line: Line, leader: Leader, kind: bytes) -> None:
    if kind == b"T":
        leader.kill(signal.SIGTERM)
        line.tell(b"T")
    elif kind == b"K":
        leader.kill(signal.SIGKILL)
    elif kind in b"HG":
        line.held = kind == b"H"


def _nothing(*_: object) -> None:
    """Handle a signal. One that is caught, not ignored, has its usual effect again in a program that is executed."""


def _settle_signals() -> None:
    """Let what asks processes to end be for others, and give every program that is executed each signal as usual.

    Blocked, not ignored: what reaches a fresh child before it is the task's process is not lost.
    """
    polite = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_SETMASK, polite)
    for number in polite:
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, _nothing)


def main() -> None:
    """Serve the control socket whose descriptor is the first argument, for the worker that is the second."""
    _settle_signals()
    become_subreaper()
    gc.collect()
    gc.freeze()
    gc.disable()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    try:
        spawner = Spawner(control, int(sys.argv[2]))
    except ProcessLookupError:
        return  # the worker is gone already
    spawner.serve()
