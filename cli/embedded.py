"""Everything in one process."""

import logging
from collections.abc import Sequence

import click

from cli.collector import settle
from cli.nodes import (
    Parts,
    api_service,
    backfill_service,
    engine_services,
    open_broker,
    override_service,
    process_services,
    scheduler_service,
    sync_role,
    worker_service,
)
from cli.process import wait_for_signal
from engine.services.node import Node
from engine.settings import Settings
from engine.store.database import Database
from engine.store.locking import embedded_lock
from engine.store.schema import migrate
from engine.sync.declarations import Declaration
from engine.sync.reconcile import Outcome
from engine.telemetry.process import Health

log = logging.getLogger(__name__)


def run_embedded(settings: Settings, health: Health) -> None:
    """Run until a signal comes; `health` is told whom to ask. Raises what keeps it from starting."""
    if settings.config is None:
        settings.workflows_dir.mkdir(parents=True, exist_ok=True)
    with embedded_lock(settings.state_dir):
        database = Database.open(settings.store_url, durability=settings.durability)
        broker = open_broker(settings, "up")
        try:
            migrate(database)
            broker.declare(settings.pools)
            _run(Parts(settings, broker, database, show=show_diagnostics), health)
        finally:
            broker.close()
            database.close()


def _run(parts: Parts, health: Health) -> None:
    scheduler = scheduler_service(parts)
    sync = sync_role(parts, on_applied=scheduler.poke)
    worker = worker_service(parts)
    services = [
        *process_services(parts),
        *engine_services(parts),
        worker,
        scheduler,
        backfill_service(parts),
        override_service(parts),
        *sync.services,
    ]
    server = api_service(parts, services, sync.keeper.sync_now, sync.keeper)
    node = Node([*services, server])
    health.watch(node.faults)
    node.start()
    settle()
    try:
        _greet(parts.settings, server.url, worker.worker.kinds, sync.own)
        name = wait_for_signal()
        click.echo(f"\n{name}: stopping; what runs gets its grace", err=True)
    finally:
        node.stop()


def _greet(settings: Settings, url: str, kinds: tuple[str, ...], own: Sequence[Declaration]) -> None:
    lines = [
        f"chronoverse is up: {url}",
        f"  watching   {_watched(settings, own)}",
        f"  worker     {settings.slots} slots for {', '.join(kinds)}, wait and set",
        f"  state      {settings.state_dir}/",
        f"  look       chronoverse runs   ·   {url}/api/v1/runs   ·   {url}/schema",
        "  stop       Ctrl-C",
    ]
    click.echo("\n".join(lines))


def _watched(settings: Settings, own: Sequence[Declaration]) -> str:
    if settings.config is None:
        return f"{settings.workflows_dir}/  (save a workflow there and it is live)"
    return f"{', '.join(item.name for item in own)}  (sources of {settings.config})"


def show_diagnostics(_source: str, outcome: Outcome) -> None:
    """Print what is wrong with the files, as `chronoverse validate` does."""
    from dsl.loader import LoadResult
    from dsl.render import render

    found = outcome.state.diagnostics
    if found:
        click.echo(render(LoadResult(workflows=(), diagnostics=tuple(found)), "text"), err=True, nl=False)
    else:
        log.info("all files are fine again")
