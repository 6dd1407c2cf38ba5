"""The sync of one source: a loop, woken by its changes, that makes what is live equal to what it holds."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from dsl.diagnostics import Diagnostic
from dsl.pool_kinds import PoolKinds
from engine.artifacts import Artifacts
from engine.broker.interface import Broker
from engine.broker.messages import Prepare, encode
from engine.clock import NewId, new_id
from engine.services.asking import NotAnsweredError
from engine.services.plans import Plans, SourcePlan
from engine.services.refusals import UnknownError
from engine.services.service import LoopService
from engine.services.wakes import wake
from engine.store.activation import Settle
from engine.store.database import Database
from engine.store.readiness import Preparation, preparations, unprepared
from engine.store.sources import SourceGoneError
from engine.sync.reconcile import Outcome, Reconciler
from engine.sync.report import hindered, result_of, summary
from engine.sync.source import FetchError, Source
from engine.telemetry.instruments import SYNC_DURATION

log = logging.getLogger(__name__)

MANY_FILES: Final = 1_000
"""So many files that are loaded at once are told to whoever minds the process's memory: they stay for long."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncing:
    """What the syncs of a process share. `on_settled` hears of a source with news of what becomes of its commits.

    `on_loaded` is called when `MANY_FILES` or more have been loaded.
    """

    database: Database
    broker: Broker
    settle: Settle
    ids: NewId = new_id
    on_applied: Callable[[], None] = lambda: None
    on_settled: Callable[[str], None] = lambda _: None
    on_loaded: Callable[[], None] = lambda: None
    show: Show = log_diagnostics
    look_seconds: float = LOOK_SECONDS
    pool_kinds: PoolKinds | None = None
    artifacts: Artifacts | None = None


class SourceSync(LoopService):
    """The sync of one source."""

    def __init__(self, source: Source, shared: Syncing) -> None:
        self.name = f"sync of {source.name}"
        super().__init__()
        self.source = source
        self.halt = threading.Event()
        self._shared = shared
        self._reconciler = Reconciler(
            shared.database,
            source,
            settle=shared.settle,
            ids=shared.ids,
            now=shared.database.now,
            pool_kinds=shared.pool_kinds,
            on_settled=shared.on_settled,
            artifacts=shared.artifacts,
        )
        self._shown: Sequence[Diagnostic] = ()
        self._told: dict[str, str] = {}
        self._guard = threading.Lock()
        self._coming: Future[SourcePlan | None] | None = None
        self._planning = threading.Lock()

    def look_now(self) -> None:
        """Look at once, whatever was seen last."""
        self.source.nudge()
        self.halt.set()

    def look(self) -> "Future[SourcePlan | None]":
        """Look at once; what is returned ends, with None, when a look has that began after this.

        With `NotAnsweredError` where the look failed for another reason than what the source holds.
        """
        self.source.nudge()  # first: the look that ends it then asks afresh, or one that began after this has
        with self._guard:
            self._coming = self._coming or Future()
            coming = self._coming
        self.halt.set()
        return coming

    def plan(self, ref: str) -> SourcePlan:
        """Return what a ref of the source would do; see `Source.snapshot_of`. Raises `NotAnsweredError`."""
        plans = Plans(self._shared.database, self._shared.database.now, self._shared.pool_kinds)
        try:
            with self._planning:
                snapshot = self.source.snapshot_of(ref)
                return plans.of_snapshot(self.source, snapshot, self._reconciler.loader())
        except FetchError as error:
            raise NotAnsweredError(error.reason, str(error)) from error
        except UnknownError as error:
            raise NotAnsweredError("unknown", str(error)) from error
        except Exception as error:
            log.exception("source %s: a plan failed", self.source.name)
            raise NotAnsweredError("failed", "the plan failed; the log of who syncs the source says why") from error

    def close(self) -> None:
        """Let go of the source, and of who waits for a look at it."""
        self._looked(self._taken(), "it is not synced here any more")
        with self._planning:  # a plan that is made was interrupted with the loop, and ends
            self.source.close()

    def turn(self) -> None:
        """Sync, then wait for a change. The stop may come before `clear`, so it is looked at after."""
        self.halt.clear()
        if self.stopping:
            return
        coming = self._taken()
        try:
            self._sync()
        except SourceGoneError as error:  # whoever declared it took it back; whoever keeps the sources lets go of it
            log.info("%s", error)
        except Exception as error:
            self._looked(coming, str(error))
            raise
        self._looked(coming)
        if not self.source.wait(self.halt, self._shared.look_seconds) and not self.halt.is_set():
            with self._shared.database.read() as connection:
                missing = unprepared(connection, self.source.name)
            self._prepare(missing)

    def interrupt(self) -> None:
        """End what the turn waits for. Called when the loop stops."""
        self.source.interrupt()
        self.halt.set()

    def _taken(self) -> "Future[SourcePlan | None] | None":
        """Return what those wait for who asked until now."""
        with self._guard:
            coming, self._coming = self._coming, None
        return coming

    def _looked(self, coming: "Future[SourcePlan | None] | None", fault: str = "") -> None:
        if coming is None:
            return
        if fault:
            coming.set_exception(NotAnsweredError("failed", f"source {self.source.name} was not looked at: {fault}"))
        else:
            coming.set_result(None)

    def _sync(self) -> None:
        outcome = self._reconcile()
        if text := summary(outcome):
            log.info("source %s: %s", self.source.name, text)
        self._tell(outcome)
        if outcome.state.diagnostics != self._shown:
            self._shown = outcome.state.diagnostics
            self._shared.show(self.source.name, outcome)
        if outcome.applied.runs:
            wake(self._shared.broker, [run.id for run in outcome.applied.runs])
        if outcome.changed:
            self._shared.on_applied()
        if outcome.new_files >= MANY_FILES:
            self._shared.on_loaded()
        for item in outcome.applied.activated:
            self._prepare(preparations(item.loaded.workflow, item.revision_id))

    def _reconcile(self) -> Outcome:
        """Sync, and count how long it took and what came of it."""
        begun, result = time.perf_counter(), "failed"
        try:
            outcome = self._reconciler.reconcile()
            result = result_of(outcome)
            return outcome
        finally:
            SYNC_DURATION.record(time.perf_counter() - begun, self.source.name, result)

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
            self._shared.broker.broadcast(item.pool, encode(message))
