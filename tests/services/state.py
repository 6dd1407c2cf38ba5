"""What `up` leaves behind for `down`, for the fixtures and for the next `up`: one file, written under one lock."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.services.processes import Recorded

ROOT = Path(__file__).resolve().parents[2] / ".services"
# The path of a Unix socket has at most 107 bytes (unix(7)); dockerd's containerd adds about 50 to the directory's.
HOME_CHARACTERS_MAX = 45


class Service(msgspec.Struct):
    """A service we started: where it answers ("" until it does), its processes, and the environment of its tools."""

    url: str = ""
    processes: list[Recorded] = []
    environ: dict[str, str] = {}


class State(msgspec.Struct):
    """Everything we started, in one boot of the machine, and the directory it lives in."""

    home: str
    boot: str
    services: dict[str, Service] = {}


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold the lock that makes changes of the state one at a time, across processes."""
    ROOT.mkdir(exist_ok=True)
    with (ROOT / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def load() -> State | None:
    """Read the state; after a reboot its processes are not ours any more."""
    try:
        state = msgspec.json.decode((ROOT / "state.json").read_bytes(), type=State)
    except FileNotFoundError:
        return None
    if state.boot != _boot():
        for service in state.services.values():
            service.processes = []
    return state


def load_or_create() -> State:
    """Read the state, or begin one with a home that the service users can reach."""
    return load() or State(home=str(_home()), boot=_boot())


def save(state: State) -> None:
    """Write the state whole or not at all, readable by its owner only: the URLs hold passwords."""
    draft = ROOT / "state.json.new"
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
    draft.replace(ROOT / "state.json")


def forget(state: State) -> None:
    """Remove the state and the home of what has ended."""
    (ROOT / "state.json").unlink(missing_ok=True)
    if Path(state.home).exists():
        shutil.rmtree(state.home)


def _home() -> Path:
    home = ROOT / "run"
    open_to_all = all(place.stat().st_mode & 0o001 for place in home.parents)
    if open_to_all and len(str(home)) <= HOME_CHARACTERS_MAX:
        home.mkdir(mode=0o755, exist_ok=True)
        return home
    home = Path(tempfile.mkdtemp(prefix="cv-services-", dir="/tmp"))
    home.chmod(0o755)
    return home


def _boot() -> str:
    identity = Path("/proc/sys/kernel/random/boot_id")
    return identity.read_text().strip() if identity.exists() else os.uname().nodename
