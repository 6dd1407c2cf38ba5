"""The syncer: a loop for each source, and sources that are taken up and let go of while it runs."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from engine.broker.interface import Broker
from engine.services.asking import Asked, NotAnsweredError, nobody, taken
from engine.services.plans import SourcePlan
from engine.services.source_sync import SourceSync, Syncing
from engine.store.activation import Settle
from engine.store.database import Database
from engine.sync.source import Source

PLANNING_MAX: Final = 2
"""Plans that are made at a time."""
PLANS_MAX: Final = 10
"""Plans that are made or wait for it."""


class Syncer:
    """The syncs of all sources of a process. Several processes may sync one source; one at a time applies.

    `more` are the further fields of `Syncing`.
    """

    name = "syncer"

    def __init__(
        self, database: Database, broker: Broker, sources: Iterable[Source], *, settle: Settle, **more: Any
    ) -> None:
        self._shared = Syncing(database=database, broker=broker, settle=settle, **more)
        self._lock = threading.Lock()
        self._syncs = {source.name: SourceSync(source, self._shared) for source in sources}
        self._started = False
        self._planners: ThreadPoolExecutor | None = None
        self._plans = 0

    @property
    def fault(self) -> str:
        """Why a sync is not well; empty when all are. A faulty file is no fault of the syncer."""
        with self._lock:
            return "; ".join(filter(None, (sync.fault for sync in self._syncs.values())))

    def start(self) -> None:
        """Start a loop for each source; the first turn syncs at once."""
        with self._lock:
            self._started = True
            for sync in self._syncs.values():
                sync.start()

    def stop(self) -> None:
        """End the loops and let go of the sources."""
        with self._lock:
            self._started = False
            ending, self._syncs = self._syncs, {}
            planners, self._planners = self._planners, None
        for sync in ending.values():
            sync.stop()
            sync.close()
        if planners is not None:
            planners.shutdown(cancel_futures=True)

    def take_up(self, source: Source) -> None:
        """Sync one more source from now on; one of that name is let go of first."""
        self.let_go(source.name)
        sync = SourceSync(source, self._shared)
        with self._lock:
            self._syncs[source.name] = sync
            if self._started:
                sync.start()

    def let_go(self, name: str) -> None:
        """Sync that source no more. Waits for the end of a sync that is on its way."""
        with self._lock:
            sync = self._syncs.pop(name, None)
        if sync is not None:
            sync.stop()
            sync.close()

    def sync_now(self, source: str) -> bool:
        """Have a source looked at now, as after a request or a webhook; return whether it is one of these."""
        sync = self._sync_of(source)
        if sync is not None:
            sync.look_now()
        return sync is not None

    def look(self, source: str) -> Asked:
        """Have a source looked at now, and hear when that is done; see `AsksSyncer`."""
        sync = self._sync_of(source)
        return nobody(source) if sync is None else taken(sync.look())

    def plan(self, source: str, ref: str) -> Asked:
        """Have it planned what a ref would do; see `AsksSyncer`."""
        sync = self._sync_of(source)
        return nobody(source) if sync is None else taken(self._planned(sync, ref))

    def forget(self, asked: Asked) -> None:
        """What was begun goes on: others may wait for it too."""

    def _sync_of(self, source: str) -> SourceSync | None:
        with self._lock:
            return self._syncs.get(source)

    def _planned(self, sync: SourceSync, ref: str) -> "Future[SourcePlan | None]":
        with self._lock:
            if self._plans >= PLANS_MAX:
                refused: Future[SourcePlan | None] = Future()
                refused.set_exception(NotAnsweredError("busy", f"{PLANS_MAX} plans are being made\n  hint: ask again"))
                return refused
            self._planners = self._planners or ThreadPoolExecutor(PLANNING_MAX, "plan")
            self._plans += 1
            done = self._planners.submit(self._plan, sync, ref)
        done.add_done_callback(self._counted)
        return done

    @staticmethod
    def _plan(sync: SourceSync, ref: str) -> SourcePlan | None:
        return sync.plan(ref)

    def _counted(self, _: "Future[SourcePlan | None]") -> None:
        with self._lock:
            self._plans -= 1
