"""Revisions made ready to run, the last used kept. A revision never changes, so what is here is always right."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from dsl.model import decode
from engine.machine.graph import Graph
from engine.store.database import Database
from engine.store.reads_workflows import read_compiled

REVISIONS_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class ReadyRevision:
    """One revision: its number, the commit it came from, and its graph."""

    id: str
    number: int
    commit: str | None
    graph: Graph


class RevisionCache:
    """Revisions by id. May be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._ready: OrderedDict[str, ReadyRevision] = OrderedDict()

    def get(self, revision_id: str) -> ReadyRevision:
        """Return the revision, reading it the first time. Raises what the store raises where there is none."""
        with self._lock:
            found = self._ready.get(revision_id)
            if found is not None:
                self._ready.move_to_end(revision_id)
                return found
        with self._database.read() as connection:
            number, commit, compiled = read_compiled(connection, revision_id)
        ready = ReadyRevision(revision_id, number, commit, Graph.of(decode(compiled)))
        with self._lock:
            self._ready[revision_id] = ready
            if len(self._ready) > REVISIONS_MAX:
                self._ready.popitem(last=False)
        return ready
