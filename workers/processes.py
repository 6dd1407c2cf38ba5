"""Who a process is across restarts, and how to end what an earlier worker left running.

A process id alone is not enough: ids are used again. Start time (in clock ticks since boot) and boot id make it one.
"""

import contextlib
import os
import signal
from pathlib import Path
from typing import NamedTuple

from workers.runners.interface import Left

PROC = Path("/proc")
CLAIM_VARIABLE = "CHRONOVERSE_CLAIM_ID"
"""Marks every process of an attempt by its environment, unless the process chose to clear it."""


class _Stat(NamedTuple):
    group: int
    session: int
    started: str


def boot_id() -> str:
    """Return the id of the machine's current boot, or an empty text where there is none."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def started(pid: int) -> str:
    """Return when the process started, in the kernel's ticks; empty if there is no such process or no /proc."""
    stat = _stat(pid)
    return stat.started if stat else ""


def end_left(left: Left) -> int:
    """Kill what a dead worker's attempt left running, and return how many processes that were.

    The spawner has done this unless it was killed too, with all its processes but those that left their group.
    """
    if left.boot_id != boot_id() or not PROC.is_dir():
        return 0
    found = [pid for pid in _pids() if _belongs(pid, left)]
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit() and int(name) != os.getpid()]  # noqa: PTH208


def _belongs(pid: int, left: Left) -> bool:
    if _claim(pid) == left.claim_id:
        return True
    stat = _stat(pid)
    if stat is None or left.pid is None or left.pid not in (stat.group, stat.session):
        return False
    # The group's number is taken as long as a member lives, but another group may have come by it since.
    return started(left.pid) == left.pid_started


def _stat(pid: int) -> _Stat | None:
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return _Stat(group=int(fields[2]), session=int(fields[3]), started=fields[19])


def _claim(pid: int) -> str:
    prefix = f"{CLAIM_VARIABLE}=".encode()
    try:
        variables = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    return next((it[len(prefix) :].decode(errors="replace") for it in variables if it.startswith(prefix)), "")
