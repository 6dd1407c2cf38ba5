"""Which services make which role, and how they are joined. Order: what others lean on is started first."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api.dependencies import Dependencies
from api.hosts import is_loopback
from api.server import ApiServer
from cli.collector import settle
from engine.accounts.service import Accounts
from engine.artifacts import Artifacts
from engine.broker import Broker, connect
from engine.clock import new_id
from engine.configuration import read_configuration
from engine.keyring import Keyring
from engine.services.asking import AsksSyncer, NobodyToAsk
from engine.services.backfiller import Backfiller
from engine.services.commits import topic_of
from engine.services.courier import Courier, MailSettings
from engine.services.executor import Executor
from engine.services.far_syncer import FarSyncer
from engine.services.firing import Firings
from engine.services.gauges import of_installation, of_process
from engine.services.janitor import Janitor
from engine.services.lease_keeper import LeaseKeeper
from engine.services.log_writer import LogWriter
from engine.services.notifier import RunNotifier
from engine.services.override_keeper import OverrideKeeper
from engine.services.overrides import Overrides
from engine.services.revision_cache import RevisionCache
from engine.services.rollup import RollUp
from engine.services.scheduler import Scheduler
from engine.services.secrets import Secrets
from engine.services.service import Service
from engine.services.source_keeper import SourceKeeper
from engine.services.source_sync import Show, log_diagnostics
from engine.services.status_courier import StatusCourier
from engine.services.sweeper import Sweeper
from engine.services.sync_requests import SyncRequests, ask_for_sync
from engine.services.syncer import Syncer
from engine.services.webhooks import WebhookCourier
from engine.settings import Settings
from engine.store.database import Database
from engine.sync.declarations import Declaration, forget, open_source
from workers.config import WorkerConfig
from workers.worker import Worker

log = logging.getLogger(__name__)

FOLDER_SOURCE = "workflows"
KEY_FILE = "secret.key"
WORKER_STOP_SECONDS = 60.0
AUDIT_LINGER_SECONDS = 0.05
"""By then what a request has set off is on its way."""


@dataclass(slots=True)
class Parts:
    """What the services of one process share."""

    settings: Settings
    broker: Broker
    database: Database
    notifier: RunNotifier = field(default_factory=RunNotifier)
    show: Show = log_diagnostics
    closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Close what was opened."""
        for close in reversed(self.closers):
            close()


class WorkerService:
    """A worker as a service. `stop` gives what runs its grace; `drain` lets it run to its end."""

    name = "worker"

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    @property
    def fault(self) -> str:
        """Why the worker is not well; empty when it is."""
        return self.worker.failure or ""

    def start(self) -> None:
        """Say hello and take offers."""
        self.worker.start()

    def stop(self) -> None:
        """Stop what runs and wait for the end."""
        self.worker.stop()
        if not self.worker.join(WORKER_STOP_SECONDS):
            log.error("the worker did not end within %g s", WORKER_STOP_SECONDS)


def process_services(parts: Parts) -> list[Service]:
    """Return what every process has beside its role: the numbers of itself."""
    return [of_process(parts.broker, parts.database)]


def engine_services(parts: Parts) -> list[Service]:
    """Return the services that carry runs on."""
    settings, database, broker = parts.settings, parts.database, parts.broker
    keys, mail_settings = keyring(settings), MailSettings(settings.smtp_url, settings.mail_from)
    secrets = Secrets(database, keys)
    courier = Courier(database, mail_settings=mail_settings, secrets=secrets)
    sweeper = Sweeper(database, broker, ttl_seconds=settings.ttl_seconds)
    return [
        of_installation(database, broker, settings.pools, sweeper.found),
        sweeper,
        LeaseKeeper(
            database,
            broker,
            heartbeat_seconds=settings.heartbeat_seconds,
            ttl_seconds=settings.ttl_seconds,
            pool_kinds=settings.pool_kinds,
        ),
        LogWriter(database, broker, on_written=parts.notifier.notify),
        courier,
        WebhookCourier(database, keys, mail_settings=mail_settings),
        Executor(database, broker, capacities=settings.capacities, secrets=secrets, on_notices=courier.wake),
        RollUp(database),
        Janitor(
            database,
            retention_days=settings.retention_days,
            event_retention_days=settings.event_retention_days,
            audit_retention_days=settings.audit_retention_days,
            log_limits=settings.log_retention,
            artifacts=Artifacts(settings.artifacts_place),
        ),
    ]


def scheduler_service(parts: Parts) -> Scheduler:
    """Return the scheduler."""
    return Scheduler(parts.database, parts.broker)


def scheduler_services(parts: Parts) -> list[Service]:
    """Return what goes by the clock."""
    return [scheduler_service(parts), backfill_service(parts), override_service(parts)]


def override_service(parts: Parts) -> OverrideKeeper:
    """Return what ends pauses, pins and restored workflows whose time is over."""
    cache, database = RevisionCache(parts.database), parts.database
    return OverrideKeeper(Overrides(database, parts.broker, cache, database.now, new_id))


def backfill_service(parts: Parts) -> Backfiller:
    """Return what carries backfills on."""
    return Backfiller(parts.database, parts.broker)


@dataclass(frozen=True, slots=True)
class SyncRole:
    """The syncer, what keeps it at what is declared, and what tells forges how it went."""

    courier: StatusCourier
    syncer: Syncer
    keeper: SourceKeeper
    own: Sequence[Declaration]

    @property
    def services(self) -> list[Service]:
        """What is to be started, in this order."""
        return [self.courier, self.syncer, self.keeper]


def sync_role(parts: Parts, on_applied: Callable[[], None] = lambda: None) -> SyncRole:
    """Return what syncs the declared sources; without any, the watched folder. Raises `ConfigurationError`."""
    settings, database = parts.settings, parts.database
    secrets = Secrets(database, keyring(settings))
    courier = StatusCourier(database, secrets, public_url=settings.public_url)

    def on_settled(source: str) -> None:
        parts.notifier.notify([topic_of(source)])
        courier.wake()

    syncer = Syncer(
        database,
        parts.broker,
        (),
        settle=Firings(RevisionCache(database), new_id).settle,
        on_applied=on_applied,
        on_settled=on_settled,
        on_loaded=settle,
        show=parts.show,
        pool_kinds=settings.pool_kinds,
        artifacts=Artifacts(settings.artifacts_place),
    )
    mirrors = (settings.state_dir / "mirrors").absolute()
    own = own_sources(settings)
    keeper = SourceKeeper(
        database,
        syncer,
        own,
        lambda declared: open_source(declared, mirrors, secrets.value_of),
        forget=lambda name: forget(name, mirrors),
    )
    return SyncRole(courier, syncer, keeper, own)


def own_sources(settings: Settings) -> Sequence[Declaration]:
    """Return the sources of the server's file; without any, the watched folder. Raises `ConfigurationError`."""
    declared = read_configuration(settings.config).sources if settings.config is not None else ()
    folder = {"folder": {"path": str(settings.workflows_dir)}}
    return declared or [Declaration(name=FOLDER_SOURCE, spec=folder)]


def sync_services(parts: Parts) -> list[Service]:
    """Return what syncs, and what hears the wishes of API processes."""
    role = sync_role(parts)
    return [*role.services, SyncRequests(parts.broker, role.keeper.sync_now, role.keeper)]


def api_services(parts: Parts) -> list[Service]:
    """Return the API of a process of its own, and what hears the answers of the processes that sync."""
    far = FarSyncer(parts.broker)
    return [far, api_service(parts, syncer=far)]


def api_service(
    parts: Parts,
    services: Sequence[Service] = (),
    sync_now: Callable[[str], bool] | None = None,
    syncer: AsksSyncer | None = None,
) -> ApiServer:
    """Return the API; it answers for the health of the other services of its process.

    Without `sync_now` it tells the processes that sync, over the broker; `syncer` is asked for what is waited for.
    """
    health: dict[str, Callable[[], str]] = {"database": lambda: _database_fault(parts.database)}
    health["broker"] = lambda: "" if parts.broker.connected else "the broker does not answer"
    for service in services:
        health[service.name] = lambda service=service: service.fault  # type: ignore[misc]
    settings = parts.settings
    if settings.admin_password:
        Accounts(parts.database, parts.database.now, new_id).ensure_first(settings.admin_password)
    dependencies = Dependencies(
        database=parts.database,
        credentials_always=settings.access == "accounts" or not is_loopback(settings.host),
        broker=parts.broker,
        notifier=parts.notifier,
        health=health,
        sync_now=sync_now or (lambda source: ask_for_sync(parts.broker, source)),
        syncer=syncer or NobodyToAsk(),
        keyring=keyring(settings),
        artifacts=Artifacts(settings.artifacts_place),
        pool_kinds=settings.pool_kinds,
        public_badges=settings.public_badges,
        audit_linger_seconds=AUDIT_LINGER_SECONDS,
    )
    return ApiServer(dependencies, host=settings.host, port=settings.port)


def worker_service(parts: Parts, *, log_broker: Broker | None = None) -> WorkerService:
    """Return the worker. Raises `WorkerConfigError`."""
    settings = parts.settings
    config = WorkerConfig(
        worker_id=worker_id(settings.state_dir),
        state_dir=(settings.state_dir / "worker").absolute(),
        pools=settings.pools,
        slots=settings.slots,
        heartbeat_seconds=settings.heartbeat_seconds,
        ttl_seconds=settings.ttl_seconds,
        orphan_seconds=settings.orphan_seconds,
        ack_hold_seconds=settings.ack_hold_seconds,
        allow_processes=settings.allow_processes,
        docker_url=settings.docker_url,
        deny_private_addresses=settings.deny_private_addresses,
        artifacts_url=settings.artifacts_place,
        artifact_bytes_max=settings.artifact_bytes_max,
        checkout_bytes_max=settings.checkout_bytes_max,
    )
    return WorkerService(Worker(parts.broker, config, log_broker=log_broker))


def worker_faults(worker: Worker, broker: Broker) -> dict[str, str]:
    """Return why a worker's process is not well, by part."""
    found = {"worker": worker.failure or "", "broker": "" if broker.connected else "the broker does not answer"}
    return {name: fault for name, fault in found.items() if fault}


def keyring(settings: Settings) -> Keyring:
    """Return the keys of the secrets: those given, else, in one process, of the state directory's own file.

    Raises `KeyringError`.
    """
    if settings.secret_key or settings.broker_url.startswith("amqp"):
        return Keyring.of_text(settings.secret_key)
    return Keyring.of_file(settings.state_dir / KEY_FILE)


def worker_id(state_dir: Path) -> str:
    """Return the worker's stable id, kept in its state directory."""
    path = state_dir / "worker-id"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(new_id())
    return path.read_text().strip()


def open_broker(settings: Settings, name: str) -> Broker:
    """Return the broker that the settings name. Raises `BrokerError`."""
    return connect(settings.broker_url, name=f"chronoverse-{name}")


def _database_fault(database: Database) -> str:
    try:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    except Exception as error:  # whatever is wrong with it, it is not ready
        return str(error)
    return ""
