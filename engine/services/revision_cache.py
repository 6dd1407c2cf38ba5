"""Revisions made ready to run, the last used kept. A revision never changes, so what is here is always right."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from dsl.model import Workflow, decode
from engine.machine.graph import Graph
from engine.store.database import Database
from engine.store.reads_workflows import read_compiled, read_compiled_of

log = logging.getLogger(__name__)

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

    def __init__(self, database: Database, revisions_max: int = REVISIONS_MAX) -> None:
        self._database = database
        self._revisions_max = revisions_max
        self._lock = threading.Lock()
        self._ready: OrderedDict[str, ReadyRevision] = OrderedDict()

    def get(self, revision_id: str) -> ReadyRevision:
        """Return the revision, reading it the first time.

        Raises what the store raises where there is none, `ValueError` for one that this program cannot run.
        """
        with self._lock:
            found = self._ready.get(revision_id)
            if found is not None:
                self._ready.move_to_end(revision_id)
                return found
        with self._database.read() as connection:
            number, commit, compiled = read_compiled(connection, revision_id)
        ready = ReadyRevision(revision_id, number, commit, Graph.of(decode(compiled)))
        self._keep([ready])
        return ready

    def graph_to_show(self, revision_id: str) -> Graph:
        """Return the revision's graph, or one without tasks for a revision that this program cannot run."""
        try:
            return self.get(revision_id).graph
        except ValueError:
            return Graph.of(Workflow(name="?", tasks={}))

    def many(self, revision_ids: Collection[str]) -> dict[str, ReadyRevision]:
        """Return those revisions of several that exist and can be run, reading what is not here in one query."""
        with self._lock:
            found = {wanted: self._ready[wanted] for wanted in revision_ids if wanted in self._ready}
            for known in found:
                self._ready.move_to_end(known)
        missing = [wanted for wanted in revision_ids if wanted not in found]
        if missing:
            with self._database.read() as connection:
                rows = read_compiled_of(connection, missing)
            read = [ready for row in rows if (ready := _ready(*row)) is not None]
            self._keep(read)
            found.update({ready.id: ready for ready in read})
        return found

    def _keep(self, read: Iterable[ReadyRevision]) -> None:
        with self._lock:
            self._ready.update({ready.id: ready for ready in read})
            while len(self._ready) > self._revisions_max:
                self._ready.popitem(last=False)


def _ready(revision_id: str, number: int, commit: str | None, compiled: bytes) -> ReadyRevision | None:
    try:
        return ReadyRevision(revision_id, number, commit, Graph.of(decode(compiled)))
    except ValueError as error:
        log.error("revision %s cannot be run by this program: %s", revision_id, error)
        return None
