"""The syncer: a loop for each source, and sources that are taken up and let go of while it runs."""

import threading
from collections.abc import Iterable
from typing import Any

from engine.broker.interface import Broker
from engine.services.source_sync import SourceSync, Syncing
from engine.store.activation import Settle
from engine.store.database import Database
from engine.sync.source import Source


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
        for sync in ending.values():
            sync.stop()
            sync.source.close()

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
            sync.source.close()

    def sync_now(self, source: str) -> bool:
        """Have a source looked at now, as after a request or a webhook; return whether it is one of these."""
        with self._lock:
            sync = self._syncs.get(source)
        if sync is not None:
            sync.look_now()
        return sync is not None
