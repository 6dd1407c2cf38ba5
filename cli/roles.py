"""The long-running commands: everything in one process, or each role as its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cli.collector import rest_while_loading
from cli.errors import CliError
from engine.settings import Settings

state_option = click.option(
    "--state", "state_dir", type=click.Path(path_type=Path), help="Where this process keeps its own."
)


@click.command()
@click.option("--host", help="Address of the API.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the API; 0 takes a free one.  [default: 8080]")
@click.option(
    "--workflows", "workflows_dir", type=click.Path(path_type=Path), help="Folder to watch.  [default: workflows]"
)
@state_option
def up(**given: Any) -> None:
    """Run everything in this process: SQLite, in-process queues, API, schedules, a worker, a watched folder."""
    rest_while_loading()
    from cli.embedded import run_embedded
    from cli.process import explained, write_logs
    from engine.telemetry.process import exporting

    with explained():
        settings = Settings.read(allow_processes=True, **given)
        write_logs(settings)
        with exporting(settings, role="") as health:
            run_embedded(settings, health)


@click.command()
@click.option("--host", help="Address.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.  [default: 8080]")
def api(**given: Any) -> None:
    """Serve the REST API."""
    _role("api", lambda nodes, parts: nodes.api_services(parts), **given)


@click.command()
def engine() -> None:
    """Carry runs on: executor, lease keeper, log writer, sweeps, retention. Migrates the database first."""
    _role("engine", lambda nodes, parts: nodes.engine_services(parts), migrates=True)


@click.command()
def scheduler() -> None:
    """Fire schedules, and carry backfills on."""
    _role("scheduler", lambda nodes, parts: nodes.scheduler_services(parts))


@click.command()
@click.option(
    "--workflows", "workflows_dir", type=click.Path(path_type=Path), help="Folder to watch.  [default: workflows]"
)
def sync(**given: Any) -> None:
    """Watch a folder and make its files live."""
    _role("sync", lambda nodes, parts: nodes.sync_services(parts), **given)


@click.command()
@state_option
@click.option("--slots", type=click.IntRange(1, 1000), help="Attempts carried out at once.  [default: 8]")
def worker(**given: Any) -> None:
    """Carry out attempts. Needs the broker alone, no database.

    TERM or Ctrl-C drains it: no more offers, what runs goes on to its end. A second one gives what runs its grace.
    """
    from cli import nodes
    from cli.process import drain_on_signal, explained, write_logs
    from engine.services.node import Node
    from engine.telemetry.process import exporting

    with explained():
        settings = Settings.read(**given)
        write_logs(settings)
        _distributed(settings, needs_database=False)
        broker, log_broker = nodes.open_broker(settings, "worker"), nodes.open_broker(settings, "worker-logs")
        try:
            broker.declare(settings.pools)
            parts = nodes.Parts(settings, broker, None)  # type: ignore[arg-type]
            worker = nodes.worker_service(parts, log_broker=log_broker).worker
            node = Node(nodes.process_services(parts))
            with exporting(settings, role="worker") as health, node.running():
                health.watch(lambda: nodes.worker_faults(worker, broker))
                drain_on_signal(worker)
        finally:
            log_broker.close()
            broker.close()


def _role(role: str, make: Callable[[Any, Any], list[Any]], *, migrates: bool = False, **given: Any) -> None:
    rest_while_loading()
    from cli import nodes
    from cli.process import explained, run_until_signal, write_logs
    from engine.services.node import Node
    from engine.telemetry.process import exporting

    with explained():
        settings = Settings.read(**given)
        write_logs(settings)
        _distributed(settings, needs_database=True)
        with exporting(settings, role) as health, _parts(nodes, settings, migrates=migrates) as parts:
            node = Node([*nodes.process_services(parts), *make(nodes, parts)])
            health.watch(node.faults)
            run_until_signal(node)


@contextmanager
def _parts(nodes: Any, settings: Settings, *, migrates: bool) -> Iterator[Any]:
    from engine.store.database import Database
    from engine.store.schema import check_version, migrate

    database = Database.open(settings.store_url, durability=settings.durability)
    try:
        (migrate if migrates else check_version)(database)
        broker = nodes.open_broker(settings, "engine")
        try:
            broker.declare(settings.pools)
            yield nodes.Parts(settings, broker, database)
        finally:
            broker.close()
    finally:
        database.close()


def _distributed(settings: Settings, *, needs_database: bool) -> None:
    """Refuse what cannot work as a process of its own."""
    if not settings.broker_url.startswith("amqp"):
        raise CliError(
            "a role of its own needs a broker that other processes reach",
            "set CHRONOVERSE_BROKER_URL=amqp://…, or run everything in one process with `chronoverse up`",
        )
    if needs_database and not settings.store_url.startswith("postgresql"):
        raise CliError(
            "a role of its own needs a database that other processes reach",
            "set CHRONOVERSE_DATABASE_URL=postgresql://…, or run everything in one process with `chronoverse up`",
        )
