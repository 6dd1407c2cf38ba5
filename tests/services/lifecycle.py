"""Start, find, and end the services; the only module that decides which instance is used."""

import contextlib
import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.services import dockerd, packages, postgres, processes, rabbitmq, state
from tests.services.errors import ServiceUnavailableError
from tests.services.place import Kind, Place

KINDS: dict[str, Kind] = {kind.name: kind for kind in (postgres.KIND, rabbitmq.KIND, dockerd.KIND)}
HINT = "hint: make services-up"
UNMOUNT_SECONDS_MAX = 30


@dataclass(frozen=True)
class Outcome:
    """What became of a service: where it answers, or why it does not."""

    url: str = ""
    error: ServiceUnavailableError | None = None


def find(name: str) -> str:
    """Give the URL of a service that answers: the one its variable names, else the one `up` started.

    Raises:
        ServiceUnavailableError: None answers. A variable that names a silent server is an error, never passed over.
    """
    kind = KINDS[name]
    if url := _given(kind):
        try:
            kind.check(url)
        except ServiceUnavailableError as error:
            raise ServiceUnavailableError(f"{kind.variable} is set, but nothing answers there: {error}") from error
        return url
    known = state.load()
    service = known.services.get(name) if known else None
    if service is None or not service.url:
        raise ServiceUnavailableError(f"{name} is not started and {kind.variable} is not set; {HINT}")
    kind.check(service.url)
    return service.url


def status(names: Iterable[str]) -> dict[str, Outcome]:
    """Ask each service whether it answers, and start nothing."""
    return {name: _asked(name) for name in names}


def up(names: Iterable[str]) -> dict[str, Outcome]:
    """Make the services answer; those that must be started are started at the same time."""
    with state.locked():
        outcomes = status(names)
        for name in [name for name, outcome in outcomes.items() if outcome.error and not _given(KINDS[name])]:
            outcomes[name] = _installed(name)
        _start([name for name, outcome in outcomes.items() if not outcome.error and not outcome.url], outcomes)
    return outcomes


def down(names: Iterable[str]) -> list[str]:
    """End what `up` started, instances that tests started for themselves included, and say which there were."""
    with state.locked():
        known = state.load()
        if known is None:
            return []
        wanted = set(names)
        ended = [name for name in known.services if _kind(name).name in wanted]
        _end(known, ended)
        if not known.services:
            state.forget(known)
    return ended


@contextlib.contextmanager
def own_rabbitmq() -> Iterator[Place]:
    """Run a broker that nobody else uses, for tests that stop it or look at all of it."""
    name = f"rabbitmq-{secrets.token_hex(4)}"
    with state.locked():
        place = _make_place(state.load_or_create(), name, threading.Lock())
        outcome = _started(place)
    if outcome.error:
        raise outcome.error
    try:
        yield place
    finally:
        with state.locked():
            if known := state.load():
                _end(known, [name])


def restart_rabbitmq(name: str = "rabbitmq") -> None:
    """Stop a broker we started and start it again, on the same data and ports.

    Raises:
        ServiceUnavailableError: It is not ours to restart.
    """
    with state.locked():
        known = state.load()
        if known is None or name not in known.services:
            raise ServiceUnavailableError(f"{name} was not started here, so it is not restarted; {HINT}")
        rabbitmq.restart_node(Place(name, known))


def rabbitmqctl(*arguments: str, name: str = "rabbitmq", text: str | None = None) -> str:
    """Run rabbitmqctl against a broker and give its output; see `rabbitmq.control` for what it raises."""
    return rabbitmq.control(rabbitmq_environ(name), *arguments, text=text)


def rabbitmq_environ(name: str = "rabbitmq") -> dict[str, str]:
    """Give the environment of the tools of a broker; empty for one that is not ours."""
    known = state.load()
    if _given(rabbitmq.KIND) and name == rabbitmq.KIND.name:
        return {}
    return known.services[name].environ if known and name in known.services else {}


def _asked(name: str) -> Outcome:
    try:
        return Outcome(url=find(name))
    except ServiceUnavailableError as error:
        return Outcome(error=error)


def _installed(name: str) -> Outcome:
    kind = KINDS[name]
    if kind.installed():
        return Outcome()
    try:
        packages.install(kind.packages)
    except ServiceUnavailableError as error:
        return Outcome(error=error)
    if not kind.installed():
        names = " ".join(kind.packages)
        return Outcome(error=ServiceUnavailableError(f"{name}: its programs are not found after installing {names}"))
    return Outcome()


def _start(names: list[str], outcomes: dict[str, Outcome]) -> None:
    """Start the services at the same time, in place of what is left of earlier ones."""
    if not names:
        return
    known, guard = state.load_or_create(), threading.Lock()
    _end(known, names)
    places = [_make_place(known, name, guard) for name in names]
    with ThreadPoolExecutor(max_workers=len(places)) as pool:
        outcomes.update(zip(names, pool.map(_started, places), strict=True))


def _started(place: Place) -> Outcome:
    """Start a service in its place; one that fails leaves nothing running, but its log until the next `up`."""
    try:
        place.service.url = _kind(place.name).start(place)
    except ServiceUnavailableError as error:
        processes.end(place.service.processes, place.marker)
        place.service.processes.clear()
        return Outcome(error=error)
    finally:
        place.save()
    return Outcome(url=place.service.url)


def _make_place(known: state.State, name: str, guard: threading.Lock) -> Place:
    known.services[name] = state.Service()
    place = Place(name, known, guard)
    place.directory.mkdir(parents=True, mode=0o755)
    place.save()
    return place


def _end(known: state.State, names: Iterable[str]) -> None:
    """End instances at the same time, and remove their directories; those that do not exist are passed over."""
    places = [Place(name, known) for name in names if name in known.services]
    with ThreadPoolExecutor(max_workers=max(len(places), 1)) as pool:
        list(pool.map(lambda place: processes.end(place.service.processes, place.marker), places))
    for place in places:
        _unmount(place.directory)
        if place.directory.exists():
            shutil.rmtree(place.directory)
        del known.services[place.name]
        state.save(known)


def _unmount(directory: Path) -> None:
    """Unmount what dockerd left below its directory, innermost first."""
    table = Path("/proc/self/mounts")
    points = [line.split()[1] for line in table.read_text().splitlines()] if table.exists() else []
    for point in sorted((point for point in points if Path(point).is_relative_to(directory)), reverse=True):
        subprocess.run(["umount", "--lazy", point], timeout=UNMOUNT_SECONDS_MAX, check=True)


def _given(kind: Kind) -> str:
    return os.environ.get(kind.variable, "")


def _kind(name: str) -> Kind:
    return KINDS[name.partition("-")[0]]
