"""Keeps the syncer at what is declared: takes sources up, lets go of those that are gone, changed or suspended."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engine.services.asking import Asked
from engine.services.service import LoopService
from engine.services.syncer import Syncer
from engine.store import declarations, sources
from engine.store.database import Database
from engine.sync.declarations import Declaration, DeclarationError
from engine.sync.source import Source

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 15.0
"""How long a change may go unseen that another process made and whose announcement was lost."""


class SourceKeeper(LoopService):
    """The loop of a syncing process. `own` are the sources of the server's file; they win over those of the API.

    `forget` removes what a source left on this machine that is not declared any more.
    """

    name = "sources"

    def __init__(
        self,
        database: Database,
        syncer: Syncer,
        own: Sequence[Declaration],
        open_source: Callable[[Declaration], Source],
        *,
        forget: Callable[[str], None] = lambda _: None,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        super().__init__()
        self._database = database
        self._syncer = syncer
        self._own = {item.name: item for item in own}
        self._open = open_source
        self._forget = forget
        self._look_seconds = look_seconds
        self._kept: dict[str, Mapping[str, Any]] = {}
        self._faults: dict[str, str] = {}
        self._poked = threading.Event()

    @property
    def fault(self) -> str:
        """Why a source cannot be taken up; empty when all are."""
        return super().fault or "; ".join(self._faults.values())

    def start(self) -> None:
        """Take up what is declared, then start the loop."""
        self.keep()
        super().start()

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self._poked.set()

    def sync_now(self, source: str) -> bool:
        """Look at a source at once, and at what is declared; return whether it is one of this process."""
        known = self._syncer.sync_now(source)
        self._poked.set()
        return known

    def look(self, source: str) -> Asked:
        """Look at a source at once, and hear when that is done; see `AsksSyncer`."""
        asked = self._syncer.look(source)
        self._poked.set()
        return asked

    def plan(self, source: str, ref: str) -> Asked:
        """Have it planned what a ref would do; see `AsksSyncer`."""
        return self._syncer.plan(source, ref)

    def forget(self, asked: Asked) -> None:
        """See `AsksSyncer`."""
        self._syncer.forget(asked)

    def turn(self) -> None:
        """Wait for a change, then keep."""
        self._poked.wait(self._look_seconds)
        self._poked.clear()
        if not self.stopping:
            self.keep()

    def keep(self) -> None:
        """Make what is synced equal to what is declared and not suspended."""
        with self._database.read() as connection:
            declared = declarations.declared(connection)
            resting = sources.suspended(connection)
        wanted = {name: Declaration(name=name, spec=spec) for name, spec in declared.items()} | self._own
        active = {name: item for name, item in wanted.items() if name not in resting and not item.suspended}
        for name in [name for name, spec in self._kept.items() if name not in active or active[name].spec != spec]:
            log.info("source %s is let go of", name)
            self._syncer.let_go(name)
            del self._kept[name]
            if name not in wanted:
                self._forget(name)
        self._faults = {name: fault for name, fault in self._faults.items() if name in active}
        for name, item in active.items():
            if name not in self._kept:
                self._take_up(item)
        self._enter([item for item in wanted.values() if item.suspended])

    def _take_up(self, declaration: Declaration) -> None:
        try:
            source = self._open(declaration)
        except DeclarationError as error:  # written by another version, or by hand: what is declared here is checked
            self._faults[declaration.name] = f"source {declaration.name}: {error}"
            return
        self._faults.pop(declaration.name, None)
        self._syncer.take_up(source)
        self._kept[declaration.name] = declaration.spec

    def _enter(self, suspended: Sequence[Declaration]) -> None:
        """Have those shown that rest from the first."""
        for item in suspended:
            with self._database.read() as connection:
                known = item.name in sources.names(connection)
            if not known:
                with self._database.write() as connection:
                    sources.enter(connection, item.name, item.kind, {}, self._database.now())
