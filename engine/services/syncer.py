"""The syncer: a loop for each source, woken by its changes, that makes what is live equal to what the source holds."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from dsl.diagnostics import Diagnostic
from dsl.pool_kinds import PoolKinds
from engine.broker.interface import Broker
from engine.broker.messages import Prepare, encode
from engine.clock import NewId, new_id
from engine.services.service import Loop
from engine.services.wakes import wake
from engine.store.activation import Settle
from engine.store.database import Database
from engine.store.readiness import Preparation, preparations, unprepared
from engine.sync.reconcile import Outcome, Reconciler
from engine.sync.report import hindered, summary
from engine.sync.source import Source

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 30.0
"""How often a source is looked at when it reports no change, and images are asked for again."""

Show = Callable[[str, Outcome], None]
"""Shows diagnostics that are new to a person: the source's name, and the outcome that has them."""


def log_diagnostics(source: str, outcome: Outcome) -> None:
    """Write the diagnostics to the process's log, one line each."""
    for item in outcome.state.diagnostics:
        log.warning(
            "source %s: %s[%s] %s:%d:%d: %s",
            source,
            item.severity,
            item.code,
            item.file,
            item.line,
            item.column,
            item.message,
        )


class Syncer:
    """The syncs of all sources of a process. Several processes may sync one source; one at a time applies.

    `on_settled` hears of a source with news of what becomes of its commits.
    """

    name = "syncer"

    def __init__(
        self,
        database: Database,
        broker: Broker,
        sources: Iterable[Source],
        *,
        settle: Settle,
        ids: NewId = new_id,
        on_applied: Callable[[], None] = lambda: None,
        on_settled: Callable[[str], None] = lambda _: None,
        show: Show = log_diagnostics,
        look_seconds: float = LOOK_SECONDS,
        pool_kinds: PoolKinds | None = None,
    ) -> None:
        self._syncs = [
            _Sync(database, broker, source, settle, ids, on_applied, on_settled, show, look_seconds, pool_kinds)
            for source in sources
        ]

    @property
    def fault(self) -> str:
        """Why a sync is not well; empty when all are. A faulty file is no fault of the syncer."""
        return "; ".join(filter(None, (sync.loop.fault for sync in self._syncs)))

    def start(self) -> None:
        """Start a loop for each source; the first turn syncs at once."""
        for sync in self._syncs:
            sync.loop.start()

    def stop(self) -> None:
        """End the loops and let go of the sources."""
        for sync in self._syncs:
            sync.loop.stop()
            sync.source.close()

    def sync_now(self, source: str) -> bool:
        """Have a source looked at now, as after a request or a webhook; return whether it is one of these."""
        found = [sync for sync in self._syncs if sync.source.name == source]
        for sync in found:
            sync.source.nudge()
            sync.halt.set()
        return bool(found)


class _Sync:
    """The sync of one source."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        source: Source,
        settle: Settle,
        ids: NewId,
        on_applied: Callable[[], None],
        on_settled: Callable[[str], None],
        show: Show,
        look_seconds: float,
        pool_kinds: PoolKinds | None,
    ) -> None:
        self.source = source
        self.halt = threading.Event()
        self.loop = Loop(f"sync of {source.name}", self.turn, self.interrupt)
        self._database = database
        self._broker = broker
        self._reconciler = Reconciler(
            database,
            source,
            settle=settle,
            ids=ids,
            now=database.now,
            pool_kinds=pool_kinds,
            on_settled=on_settled,
        )
        self._on_applied = on_applied
        self._show = show
        self._look_seconds = look_seconds
        self._shown: Sequence[Diagnostic] = ()
        self._told: dict[str, str] = {}

    def turn(self) -> None:
        """Sync, then wait for a change. The stop may come before `clear`, so it is looked at after."""
        self.halt.clear()
        if self.loop.stopping:
            return
        self._sync()
        if not self.source.wait(self.halt, self._look_seconds) and not self.halt.is_set():
            with self._database.read() as connection:
                missing = unprepared(connection, self.source.name)
            self._prepare(missing)

    def interrupt(self) -> None:
        """End what the turn waits for. Called when the loop stops."""
        self.source.interrupt()
        self.halt.set()

    def _sync(self) -> None:
        outcome = self._reconciler.reconcile()
        if text := summary(outcome):
            log.info("source %s: %s", self.source.name, text)
        self._tell(outcome)
        if outcome.state.diagnostics != self._shown:
            self._shown = outcome.state.diagnostics
            self._show(self.source.name, outcome)
        if outcome.applied.runs:
            wake(self._broker, [run.id for run in outcome.applied.runs])
        if outcome.changed:
            self._on_applied()
        for item in outcome.applied.activated:
            self._prepare(preparations(item.loaded.workflow, item.revision_id))

    def _tell(self, outcome: Outcome) -> None:
        """Log what keeps the source from being read or applied, once; faults in files are shown as diagnostics."""
        hindrances = hindered(outcome.state)
        for name, message in hindrances.items():
            if self._told.get(name) != message:
                log.warning("source %s: not %s: %s", self.source.name, name, message)
        for name in self._told.keys() - hindrances.keys():
            log.info("source %s: %s again", self.source.name, name)
        self._told = hindrances

    def _prepare(self, wanted: Iterable[Preparation]) -> None:
        """Ask the workers of the pools to pull images ahead of time. Losing this costs a later pull, nothing else."""
        for item in wanted:
            message = Prepare(
                namespace=item.namespace,
                workflow=item.workflow,
                revision_id=item.revision_id,
                images=list(item.images),
            )
            self._broker.broadcast(item.pool, encode(message))
