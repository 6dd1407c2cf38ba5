"""One attempt, in the spawner: its line, its first process, what it leaves behind."""

import ctypes
import os
import signal
import socket
import stat
import sys
import time

from workers.spawner_lines import FRAME, Request

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ANNOUNCE_SECONDS = 0.1
READ_BYTES = 64 * 1024
OUTPUT_BYTES_MAX = 64 * 1024
PAGE_BYTES = 4096
NOTHING = os.open(os.devnull, os.O_RDONLY)
LINUX = sys.platform == "linux"

_prctl = ctypes.CDLL(None, use_errno=True).prctl if LINUX else None


class Line:
    """One connection to the worker, and the attempt that it carries at the moment."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)  # noqa: FBT003 - it takes no keyword
        self.connection = connection
        self.unread = b""
        self.unsent = b""
        self.held = False
        self.leader: Leader | None = None

    def tell(self, kind: bytes, content: bytes = b"") -> None:
        """Send a frame; what does not go at once goes later. A worker that is gone is noticed when read from."""
        waiting = bool(self.unsent)
        self.unsent += FRAME.pack(kind, len(content)) + content
        if not waiting:
            self.flush()

    def flush(self) -> None:
        """Send what goes."""
        try:
            self.unsent = self.unsent[self.connection.send(self.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self.unsent = b""

    def frames(self) -> "list[tuple[bytes, bytes]] | None":
        """Return the frames that have arrived whole, None at the line's end."""
        try:
            data = self.connection.recv(READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self.unread += data
        found = []
        while len(self.unread) >= FRAME.size:
            kind, length = FRAME.unpack_from(self.unread)
            end = FRAME.size + length
            if len(self.unread) < end:
                break
            found.append((kind, self.unread[FRAME.size : end]))
            self.unread = self.unread[end:]
        return found


class Leader:
    """One attempt's first process."""

    def __init__(self, pid: int, line: Line, root: bytes, pipes: "dict[int, bytes]") -> None:
        self.pid = pid
        self.line = line
        self.root = root
        self.pipes = pipes
        self.watched = False
        self.announce_at = time.monotonic() + ANNOUNCE_SECONDS
        self.exit_code: int | None = None
        self.ended_at = 0.0

    def kill(self, number: int) -> None:
        """Signal the process group."""
        if self.exit_code is None:
            try:  # noqa: SIM105 - contextlib costs each fork
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass


def become_subreaper() -> None:
    """Have orphaned descendants become children of this process."""
    _set(PR_SET_CHILD_SUBREAPER, 1)


def become(parent: int, request: Request, line: socket.socket, stdout: int, stderr: int) -> None:
    """Turn this fresh child into the task's process. Never returns."""
    try:
        os.setsid()
        _set(PR_SET_PDEATHSIG, signal.SIGKILL)
        _set(PR_SET_CHILD_SUBREAPER, 1)
        if os.getppid() != parent:
            os._exit(127)
        os.chdir(request.root + b"/work")
        os.dup2(NOTHING, 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a TERM that came since the fork takes effect here
        os.execve(request.program, request.argv, request.env)  # noqa: S606 - starting what workflows say is the purpose
    except (OSError, ValueError) as error:
        message = f"the script could not be started: {error}".encode()
        try:  # noqa: SIM105 - as above
            line.send(FRAME.pack(b"E", len(message)) + message)
        except OSError:
            pass
    finally:
        os._exit(127)


def available(fd: int) -> "bytes | None":
    """Return what a pipe holds: empty at its end, None if there is nothing for the moment."""
    try:
        return os.read(fd, READ_BYTES)
    except BlockingIOError:
        return None


def tidied(root: bytes) -> "tuple[bytes | None, bool]":
    """Remove the attempt's directory; return the outputs, None if they were not read, and whether something is left.

    What a script leaves beside its outputs is left to the worker, where removing much holds up nobody else.
    """
    outputs = None
    try:
        os.rmdir(root + b"/work")  # noqa: PTH106 - as above
        outputs = _outputs(root + b"/output")
        os.unlink(root + b"/script")  # noqa: PTH108 - as above
        os.rmdir(root)  # noqa: PTH106 - as above
    except OSError:
        return outputs, True
    return outputs, False


def children_file(me: int) -> int:
    """Open the list of this process's children; -1 without one (a kernel without CONFIG_PROC_CHILDREN, macOS)."""
    try:
        return os.open(f"/proc/self/task/{me}/children", os.O_RDONLY)
    except OSError:
        return -1


def children(file: int, me: int) -> "list[int]":
    """Return the process ids of this process's children."""
    return _by_scan(me) if file < 0 else _listed(file)


def _outputs(path: bytes) -> "bytes | None":
    """Remove the file and return its content: empty if there is none, None (and it stays) if it is no plain file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return b""
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode) or about.st_size > OUTPUT_BYTES_MAX:
            return None
        content = os.read(fd, OUTPUT_BYTES_MAX)
    finally:
        os.close(fd)
    os.unlink(path)  # noqa: PTH108 - as above
    return content


def _listed(file: int) -> "list[int]":
    text = b""
    while piece := os.pread(file, READ_BYTES, len(text)):
        text += piece
        if len(piece) < PAGE_BYTES // 2:  # the kernel gives a page at a time, so that was the last
            break
    return [int(pid) for pid in text.split()]


def _by_scan(me: int) -> "list[int]":
    found = []
    for name in os.listdir("/proc") if LINUX else []:  # noqa: PTH208 - as above
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", errors="replace") as file:  # noqa: PTH123 - as above
                    if int(file.read().rpartition(")")[2].split()[1]) == me:
                        found.append(int(name))
            except OSError:
                pass
    return found


def _set(option: int, value: int) -> None:
    if _prctl is not None:
        _prctl(option, value, 0, 0, 0)
