"""Processes that outlive the command that started them, and how every one of them is ended.

A process is known by its pid and its start time in clock ticks (proc(5), field 22 of `stat`), so that a pid
the kernel gave to somebody else is never signalled. What a service starts in turn is found three ways, because
each of the others fails somewhere: as a descendant (shims of containers are orphaned on purpose), by a marker in
the environment (PostgreSQL overwrites its own), and by session (containerd and PostgreSQL's backends make new ones).
"""

import contextlib
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

MARKER = "CHRONOVERSE_TEST_SERVICE"
KILLED_AFTER_SECONDS = 3.0

# Popen objects of what this process started: kept, so that they can be reaped when they end.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


class Recorded(msgspec.Struct, frozen=True):
    """A process we started: its pid (also its session's), its start time in ticks, and how it is asked to end."""

    pid: int
    ticks: int
    stop: int = signal.SIGTERM


def launch(
    argv: Sequence[str], *, environ: Mapping[str, str], log: Path, user: str | None = None, stop: int = signal.SIGTERM
) -> Recorded:
    """Start a process in a session of its own, its output appended to `log`.

    Raises:
        OSError: The program cannot be started.
    """
    with log.open("ab") as sink:
        child = subprocess.Popen(
            argv,
            env=dict(environ),
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    return Recorded(pid=child.pid, ticks=_ticks(child.pid) or 0, stop=stop)


def alive(recorded: Recorded) -> bool:
    """Say whether the process runs: the same one, and not as a zombie."""
    child = _children.get(recorded.pid)
    if child is not None and child.poll() is not None:
        return False
    return _ticks(recorded.pid) == recorded.ticks


def end(recorded: Sequence[Recorded], marker: str, *, grace_seconds: float = 20.0) -> None:
    """End the processes, latest first, and everything they started.

    Each is asked once and has `grace_seconds`; what remains after that is asked with TERM, then killed.

    Raises:
        RuntimeError: A process is still there after KILL.
    """
    members = set(_members(recorded, marker))
    for process in reversed(recorded):
        _ask(process, grace_seconds)
    _end_rest(members, recorded, marker, min(grace_seconds, KILLED_AFTER_SECONDS))


def end_one(process: Recorded, *, grace_seconds: float = 20.0) -> None:
    """End one process that ends its helpers itself, and leave the others of its service.

    Raises:
        RuntimeError: It is still there after the grace.
    """
    _ask(process, grace_seconds)
    if alive(process):
        raise RuntimeError(f"process {process.pid} did not end in {grace_seconds} s")


def _ask(process: Recorded, grace_seconds: float) -> None:
    if alive(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(process.pid)
            found.send_signal(process.stop)
            psutil.wait_procs([found], timeout=grace_seconds)
    _reap(process.pid)


def _end_rest(members: set[psutil.Process], recorded: Sequence[Recorded], marker: str, seconds: float) -> None:
    # Helpers that end on their own when their parent is gone get the time to do so.
    _, rest = psutil.wait_procs(_running(members), timeout=seconds)
    for number in (signal.SIGTERM, signal.SIGKILL):
        rest = [*_running({*rest, *_members(recorded, marker)})]
        for process in rest:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, rest = psutil.wait_procs(rest, timeout=seconds if number == signal.SIGTERM else KILLED_AFTER_SECONDS)
        for known in recorded:
            _reap(known.pid)
    if rest := _running(rest):
        raise RuntimeError(f"still running after KILL: {[process.pid for process in rest]}")


def _members(recorded: Sequence[Recorded], marker: str) -> Iterable[psutil.Process]:
    """Find what belongs to a service: its processes, their descendants, their sessions, whoever carries the marker."""
    roots = {process.pid for process in recorded if alive(process)}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.pid in roots or _session(process.pid) in roots or _environ(process).get(MARKER) == marker:
                yield process
                yield from process.children(recursive=True)


def _running(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]


def _environ(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.AccessDenied, psutil.ZombieProcess):  # somebody else's, or gone: none of ours
        return {}


def _session(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[3]) if fields else None


def _ticks(pid: int) -> int | None:
    """Give the start time of a running process in ticks since boot; None for a zombie and for no process."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] != "Z" else None


def _stat(pid: int) -> list[str] | None:
    """Read the fields of proc(5) `stat` from the third, the state, on; the second may hold spaces and parentheses."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
