"""Which runners a worker has: the built-in ones that work here, and those that installed packages add."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from workers.config import WorkerConfig, WorkerConfigError
from workers.runners.deferred import Deferred
from workers.runners.interface import ENTRY_POINT_GROUP, Runner

log = logging.getLogger(__name__)

Factory = Callable[[WorkerConfig], Runner | None]


def builtin_factories() -> dict[str, Factory]:
    """Return the built-in runners, by name. Each is imported only if it is wanted."""
    return {"run": _process, "container": _container, "http": _http, "heartbeat": _heartbeat}


def runners(config: WorkerConfig, added: Iterable[Runner] = ()) -> dict[str, Runner]:
    """Return the runner of each kind that this worker offers.

    `added` come first, then the built-in ones, then those of entry points; a kind belongs to the first that takes it.
    Raises `WorkerConfigError` if a kind that the configuration names cannot be offered.
    """
    wanted = config.kinds
    found: dict[str, Runner] = {}
    for runner in added:
        _add(found, runner)
    for name, factory in [*builtin_factories().items(), *_entry_points()]:
        if name not in found and (wanted is None or name in wanted):
            made = factory(config)
            if made is not None:
                _add(found, made)
    missing = [kind for kind in wanted or () if kind not in found]
    if missing:
        raise WorkerConfigError(
            f"this worker cannot offer {', '.join(missing)}\n"
            "  hint: `run` needs CHRONOVERSE_ALLOW_PROCESSES=true, `container` a Docker engine that answers"
        )
    return found


def _add(found: dict[str, Runner], runner: Runner) -> None:
    for kind in runner.kinds:
        found.setdefault(kind, runner)


def _entry_points() -> Iterator[tuple[str, Factory]]:
    """Give the factories of installed packages."""
    return ((point.name, partial(_of_package, point)) for point in entry_points(group=ENTRY_POINT_GROUP))


def _of_package(point: EntryPoint, config: WorkerConfig) -> Runner | None:
    """Make a package's runner. One that cannot be loaded, or made, costs its own kind and no other."""
    try:
        runner: Runner | None = point.load()(config)
    except Exception:  # whatever a package does
        log.exception("the runner '%s' (%s) cannot be loaded: its kind is not offered", point.name, point.value)
        return None
    return runner


def _process(config: WorkerConfig) -> Runner | None:
    if not config.allow_processes:
        return None
    from workers.runners.process import ProcessRunner  # noqa: PLC0415 - only if wanted

    return ProcessRunner(config)


def _container(config: WorkerConfig) -> Runner | None:
    from workers.runners.container import container_runner  # noqa: PLC0415 - Docker's SDK takes 0.1 s to import

    return container_runner(config)


def _http(config: WorkerConfig) -> Runner | None:
    def make() -> Runner:
        from workers.runners.http import HttpRunner  # noqa: PLC0415 - the HTTP client takes 7 MB

        return HttpRunner(config)

    return Deferred("http", make)


def _heartbeat(config: WorkerConfig) -> Runner | None:
    def make() -> Runner:
        from workers.runners.heartbeat import HeartbeatRunner  # noqa: PLC0415 - as above

        return HeartbeatRunner(config)

    return Deferred("heartbeat", make)
