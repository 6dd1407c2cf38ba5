"""What is synced follows what is declared: taken up, changed, suspended, removed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from engine.broker.memory import MemoryBroker
from engine.services.declared_sources import DeclaredSources
from engine.services.source_keeper import SourceKeeper
from engine.services.syncer import Syncer
from engine.store.database import Database
from engine.store.sources import names
from engine.sync.declarations import Declaration
from tests.contract.sync.world import MemorySource
from tests.e2e.processes import until

FOLDER = {"folder": {"path": "x"}}


class Kept:
    """A keeper whose sources are in memory; `opened` has what was opened, `closed` what was let go of."""

    def __init__(self, database: Database, own: tuple[Declaration, ...] = ()) -> None:
        self.database = database
        self.opened: list[tuple[str, Mapping[str, Any]]] = []
        self.closed: list[str] = []
        self.syncer = Syncer(database, MemoryBroker(), (), settle=lambda *_: [])
        self.forgotten: list[str] = []
        self.keeper = SourceKeeper(database, self.syncer, own, self._open, forget=self.forgotten.append)
        self.declared = DeclaredSources(database, self.keeper.sync_now)

    def _open(self, declaration: Declaration) -> MemorySource:
        self.opened.append((declaration.name, declaration.spec))
        source = MemorySource(declaration.name)
        source.files["a.yaml"] = f"name: {declaration.name}-flow\ntasks:\n  a: {{run: x}}\n"
        source.close = lambda: self.closed.append(declaration.name)  # type: ignore[method-assign]
        return source


@pytest.fixture
def kept(database: Database) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def make(*own: Declaration) -> Kept:
        made.append(Kept(database, own))
        return made[-1]

    yield make
    for each in made:
        each.keeper.stop()
        each.syncer.stop()


def test_it_follows_what_is_declared(kept: Callable[..., Kept]) -> None:
    one = kept()
    one.keeper.keep()
    assert one.opened == []
    one.declared.declare("a", FOLDER)
    one.keeper.keep()
    one.keeper.keep()
    assert (one.opened, one.closed) == ([("a", FOLDER)], [])
    other = {"folder": {"path": "y"}}
    one.declared.change("a", other)
    one.keeper.keep()
    assert (one.opened[1:], one.closed) == ([("a", other)], ["a"])
    one.declared.suspend("a", "me", "")
    one.keeper.keep()
    assert one.closed == ["a", "a"]
    one.declared.resume("a")
    one.keeper.keep()
    assert len(one.opened) == 3
    assert one.forgotten == []
    one.declared.remove("a", archive=True)
    one.keeper.keep()
    assert (one.closed, one.forgotten) == (["a"] * 3, ["a"])


def test_the_servers_own_file_wins(kept: Callable[..., Kept], database: Database) -> None:
    before = kept()
    before.declared.declare("a", FOLDER)
    own = Declaration(name="a", spec={"folder": {"path": "own"}})
    resting = Declaration(name="b", spec={**FOLDER, "suspended": True})
    one = kept(own, resting)
    one.keeper.keep()
    assert one.opened == [("a", own.spec)]
    with database.read() as connection:
        assert names(connection) == {"a", "b"}, "what rests from the first is shown too"


def test_a_running_keeper_hears_of_it_at_once(kept: Callable[..., Kept]) -> None:
    one = kept()
    one.syncer.start()
    one.keeper.start()
    one.declared.declare("a", FOLDER)
    until(lambda: one.opened, 5, "the source is taken up")
    one.declared.remove("a", archive=False)
    until(lambda: one.closed, 5, "the source is let go of")
    assert one.keeper.fault == one.syncer.fault == ""


def test_one_that_cannot_be_opened_is_named_and_stops_no_other(kept: Callable[..., Kept], database: Database) -> None:
    from engine.sync.declarations import DeclarationError

    one = kept()
    broken = one._open

    def opening(declaration: Declaration) -> MemorySource:
        if declaration.name == "a":
            raise DeclarationError(("git",), "written by another version")
        return broken(declaration)

    one.keeper._open = opening  # type: ignore[assignment]
    for name in ("a", "b"):
        one.declared.declare(name, FOLDER)
    one.keeper.keep()
    assert [name for name, _ in one.opened] == ["b"]
    assert one.keeper.fault == "source a: written by another version"
