"""A syncer of a source in memory, asked in its own process or over a broker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from engine.clock import new_id
from engine.services.asking import AsksSyncer
from engine.services.far_syncer import FarSyncer
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.services.sync_requests import SyncRequests
from engine.services.syncer import Syncer
from engine.sync.source import Halt
from tests.contract.api.play import Play
from tests.contract.sync.world import MemorySource, workflow


@dataclass
class Waiting(MemorySource):
    """A source that says nothing of its changes: it is looked at when it is asked for."""

    waits: threading.Event = field(default_factory=threading.Event)

    def wait(self, halt: Halt, timeout_seconds: float) -> bool:
        self.waits.set()
        return halt.wait(timeout_seconds)


@contextmanager
def syncing(play: Play, source: MemorySource, *, far: bool) -> Iterator[AsksSyncer]:
    """Sync the source; give whom to ask."""
    settle = Firings(RevisionCache(play.database), new_id).settle
    syncer = Syncer(play.database, play.broker, [source], settle=settle)
    requests = SyncRequests(play.broker, syncer.sync_now, syncer)
    answers = FarSyncer(play.broker)
    services = [syncer, requests, answers]
    for service in services:
        service.start()
    try:
        yield answers if far else syncer
    finally:
        for service in reversed(services):
            service.stop()


def one(play: Play, script: str, name: str = "alpha") -> str:
    """A workflow file of the play's namespace."""
    return workflow(name, "every: 1h", script, f"namespace: {play.namespace}\n")
