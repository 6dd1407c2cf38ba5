"""The spawner's own process: starts processes for a worker, reaps them, and lets nothing survive its attempt.

It is a program of its own, run as a file with nothing but the standard library, because forking a small process with
one thread costs a fraction of forking the worker. It is single-threaded and holds no state that matters to others.

How nothing survives: every attempt's first process (its *leader*) becomes a "child subreaper" before it executes the
task, so whatever its descendants do (double forks, sessions of their own, cleared environments), they become children
of the leader at worst. When the leader ends they become children of this process, which is a subreaper too. Every child
here that is no leader is therefore a leftover, and is killed until there is none. A leader dies with this process
(PR_SET_PDEATHSIG), and this process kills all and ends when the worker does, however it ends.

Where the kernel lacks this (macOS), a leader's process group is killed, which daemons can escape.

The control socket brings one byte with three descriptors for each attempt: a socket, stdout, stderr. Over the attempt's
socket come the length and JSON of `{"program", "argv", "env", "cwd"}`, then single bytes: T (terminate), K (kill); its
end means kill. It takes back lines: `P <pid>`, `E <what went wrong>`, `T` (T was carried out), `X <exit code>`.
"""

import array
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
SURVIVOR_SECONDS_MAX = 5.0
NOTHING = os.open(os.devnull, os.O_RDONLY)
LINUX = sys.platform == "linux"

_prctl = ctypes.CDLL(None, use_errno=True).prctl if LINUX else None


def _set(option: int, value: int) -> None:
    if _prctl is not None:
        _prctl(option, value, 0, 0, 0)


class Leader:
    """One attempt's first process."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self.pid = pid
        self.control = control
        self.exit_code: int | None = None
        self.ended_at = 0.0

    def tell(self, line: str) -> None:
        """Send a line to the worker; one that no longer listens is noticed when its socket is read."""
        with contextlib.suppress(OSError):
            self.control.sendall(line.encode() + b"\n")

    def kill(self, number: int) -> None:
        """Signal the process group."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


class Spawner:
    """The loop: requests in, processes out."""

    def __init__(self, control: socket.socket, worker_pid: int) -> None:
        self.control = control
        # The socket's end tells of the worker's death unless some fork of the worker holds its other end too.
        self.worker = os.pidfd_open(worker_pid) if LINUX else -1
        self.leaders: dict[int, Leader] = {}
        self.by_fd: dict[int, Leader] = {}
        self.poll = select.poll()
        self.children_path = f"/proc/self/task/{os.getpid()}/children"
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
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
        ending = any(leader.exit_code is not None for leader in self.leaders.values())
        for fd, _ in self.poll.poll(20 if ending else None):
            if fd == self.wake_read:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake_read, 4096)
            elif fd == self.worker:
                return False
            elif fd == self.control.fileno():
                if not self._accept():
                    return False
            else:
                self._command(fd)
        self._reap()
        self._settle()
        return True

    def _accept(self) -> bool:
        fds = array.array("i")
        data, ancillary, _, _ = self.control.recvmsg(1, socket.CMSG_SPACE(3 * fds.itemsize))
        if not data:
            return False
        for _, _, content in ancillary:
            fds.frombytes(content)
        for fd in fds:
            os.set_inheritable(fd, False)  # noqa: FBT003 - it takes no keyword
        attempt = socket.socket(fileno=fds[0])
        try:
            self._start(attempt, fds[1], fds[2])
        finally:
            os.close(fds[1])
            os.close(fds[2])
        return True

    def _start(self, control: socket.socket, stdout: int, stderr: int) -> None:
        try:
            request = _read_request(control)
            me = os.getpid()
            pid = os.fork()
        except (OSError, ValueError) as error:
            with contextlib.suppress(OSError):
                control.sendall(f"E {error}\nX 127\n".encode())
            control.close()
            return
        if pid == 0:
            _become(me, request, control, stdout, stderr)
        leader = Leader(pid, control)
        self.leaders[pid] = self.by_fd[control.fileno()] = leader
        self.poll.register(control.fileno(), select.POLLIN)
        leader.tell(f"P {pid}")

    def _command(self, fd: int) -> None:
        leader = self.by_fd[fd]
        try:
            commands = leader.control.recv(64)
        except OSError:
            commands = b""
        if b"T" in commands:
            leader.kill(signal.SIGTERM)
            leader.tell("T")
        if b"K" in commands or not commands:
            leader.kill(signal.SIGKILL)
        if not commands:
            self.poll.unregister(fd)
            del self.by_fd[fd]

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

    def _strays(self) -> list[int]:
        try:
            with open(self.children_path) as file:  # noqa: PTH123 - pathlib costs more than all else here
                children = [int(pid) for pid in file.read().split()]
        except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN, or macOS
            children = _children_by_scan() if LINUX else []
        return [pid for pid in children if (it := self.leaders.get(pid)) is None or it.exit_code is not None]

    def _kill_strays(self) -> bool:
        strays = self._strays()
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return bool(strays)

    def _settle(self) -> None:
        """Tell of the leaders that ended once nothing of theirs is left, or after a bounded time."""
        ended = [leader for leader in self.leaders.values() if leader.exit_code is not None]
        if not ended:
            return
        while self._kill_strays() and self._reap():
            pass
        left = bool(self._strays())
        for leader in ended:
            if left and time.monotonic() - leader.ended_at < SURVIVOR_SECONDS_MAX:
                continue
            leader.tell(f"X {leader.exit_code}")
            if leader.control.fileno() in self.by_fd:
                self.poll.unregister(leader.control.fileno())
                del self.by_fd[leader.control.fileno()]
            leader.control.close()
            del self.leaders[leader.pid]


def _children_by_scan() -> list[int]:
    me, found = os.getpid(), []
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:  # noqa: PTH123
                if int(file.read().rpartition(")")[2].split()[1]) == me:
                    found.append(int(name))
    return found


def _read_request(control: socket.socket) -> dict[str, object]:
    def exactly(count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = control.recv(count - len(parts))
            if not part:
                raise ValueError("the worker went away")
            parts += part
        return bytes(parts)

    (length,) = struct.unpack("!I", exactly(4))
    request: dict[str, object] = json.loads(exactly(length))
    return request


def _become(parent: int, request: dict[str, object], control: socket.socket, stdout: int, stderr: int) -> None:
    """Turn this fresh child into the task's process. Never returns."""
    try:
        os.setsid()
        _set(PR_SET_PDEATHSIG, signal.SIGKILL)
        _set(PR_SET_CHILD_SUBREAPER, 1)
        if os.getppid() != parent:
            os._exit(127)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(str(request["cwd"]))
        os.dup2(NOTHING, 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        argv, env = request["argv"], request["env"]
        assert isinstance(argv, list)
        assert isinstance(env, dict)
        os.execve(str(request["program"]), argv, env)  # noqa: S606 - starting what the workflow says is the purpose
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError):
            control.sendall(f"E {error}\n".encode())
    finally:
        os._exit(127)


def main() -> None:
    """Serve the control socket whose descriptor is the first argument, for the worker that is the second."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _set(PR_SET_CHILD_SUBREAPER, 1)
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


if __name__ == "__main__":
    main()
