"""Sources whose versions have an order: an older one does not take the place of a newer one, unless it is wanted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from engine.store import sources
from engine.sync.source import FetchError, Policy, Relation, Rules, Snapshot
from tests.contract.sync.world import FAULTY, MemorySource, World, workflow


@dataclass
class Ordered(MemorySource):
    """Versions are numbers here, and the file says which; `line` is what a git source would call a branch."""

    line: str = "main"
    now: int = 1
    nudges: int = 0
    asked: list[datetime | None] = field(default_factory=list)
    on_nudge: Callable[[], None] = lambda: None

    def fetch(self) -> Snapshot:
        found = super().fetch()
        number = self.now

        def relation(old: str, applied_at: datetime | None) -> Relation:
            self.asked.append(applied_at)
            if int(old) == number:
                return Relation.SAME
            return Relation.OLDER if number < int(old) else Relation.NEWER

        return Snapshot(version=str(number), files=found.files, line=self.line, relation=relation)

    def nudge(self) -> None:
        self.nudges += 1
        self.on_nudge()


def at(number: int, source: Ordered, world: World):
    source.now = number
    return world.sync(source, a=workflow("alpha", script=f"echo {number}"))


def live(world: World) -> str:
    return str(world.workflow("alpha").revision_count)


def applied(outcome) -> tuple[bool, str]:
    condition = outcome.state.conditions["applied"]
    return condition.status, condition.reason


def test_what_comes_later_goes_live(world: World) -> None:
    source = Ordered()
    at(1, source, world)
    outcome = at(2, source, world)
    assert applied(outcome) == (True, "applied")
    assert outcome.state.applied_version == "2"
    assert source.asked[-1] == world.clock.now


def test_an_older_version_changes_nothing_and_says_so(world: World) -> None:
    source = Ordered()
    at(2, source, world)
    outcome = at(1, source, world)
    assert applied(outcome) == (False, "rewound")
    assert "2 stays live, which is newer than 1" in outcome.state.conditions["applied"].message
    assert "allow_rewind" in outcome.state.conditions["applied"].message
    assert (outcome.state.seen_version, outcome.state.applied_version) == ("1", "2")
    assert live(world) == "1"
    assert not outcome.changed


def test_the_source_is_looked_at_afresh_before_a_version_counts_as_older(world: World) -> None:
    source = Ordered()
    at(2, source, world)

    def catch_up() -> None:
        source.now = 3

    source.on_nudge = catch_up
    outcome = at(1, source, world)
    assert source.nudges == 1
    assert applied(outcome) == (True, "applied")
    assert outcome.state.applied_version == "3"


def test_it_goes_on_with_the_next_newer_one(world: World) -> None:
    source = Ordered()
    at(2, source, world)
    at(1, source, world)
    assert applied(at(3, source, world)) == (True, "applied")
    assert live(world) == "2"


def test_who_allows_it_may_go_back(world: World) -> None:
    source = Ordered(rules=Rules(allow_rewind=True))
    at(2, source, world)
    outcome = at(1, source, world)
    assert applied(outcome) == (True, "applied")
    assert outcome.state.applied_version == "1"


def test_who_chooses_another_line_may_go_back(world: World) -> None:
    source = Ordered()
    at(2, source, world)
    source.line = "release"
    assert at(1, source, world).state.applied_version == "1"
    world.restart()
    assert applied(at(0, source, world)) == (False, "rewound")


def test_the_line_outlives_a_restart_and_an_approval(world: World) -> None:
    source = Ordered()
    at(2, source, world)
    with world.database.write() as connection:
        assert sources.approve_prune(connection, "main", "2", world.clock())
    world.restart()
    assert applied(at(1, source, world)) == (False, "rewound")
    with world.database.read() as connection:
        state = sources.load(connection, "main")
    assert (state.line, state.prune_approved) == ("main", "2")


def test_a_rejected_version_is_not_the_one_to_compare_with(world: World) -> None:
    source = Ordered(rules=Rules(policy=Policy.ATOMIC))
    at(1, source, world)
    source.now = 5
    assert applied(world.sync(source, b=FAULTY)) == (False, "rejected")
    del source.files["b.yaml"]
    assert applied(at(3, source, world)) == (True, "applied")


def test_one_that_another_server_overtakes_is_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one applies between this one's comparison and its transaction."""
    ours, theirs = Ordered(), Ordered()
    at(1, ours, world)
    world.restart()
    at(1, theirs, world)
    their_reconciler = world._reconcilers.pop("main")
    fetched = ours.fetch

    def fetch_and_be_overtaken() -> Snapshot:
        found = fetched()
        if theirs.now == 1:
            ours.on_nudge = lambda: setattr(ours, "now", 3)
            theirs.now = 3
            theirs.files["a.yaml"] = workflow("alpha", script="echo 3")
            compare = found.relation

            def late(old: str, applied_at: datetime | None) -> Relation:
                answer = compare(old, applied_at)
                their_reconciler.reconcile()
                return answer

            return Snapshot(version=found.version, files=found.files, line=found.line, relation=late)
        ours.files["a.yaml"] = workflow("alpha", script="echo 3")
        return fetched()

    monkeypatch.setattr(ours, "fetch", fetch_and_be_overtaken)
    outcome = at(2, ours, world)
    assert outcome.state.applied_version == "3"
    assert live(world) == "2"  # 1 and 3; 2 came too late


def test_an_order_that_cannot_be_told_is_a_fetch_that_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Ordered()
    at(1, source, world)
    found = source.fetch()

    def unknown(old: str, applied_at: datetime | None) -> Relation:
        raise FetchError("timeout", "the server says nothing")

    monkeypatch.setattr(
        source, "fetch", lambda: Snapshot(version="2", files=found.files, line=found.line, relation=unknown)
    )
    outcome = world.sync(source)
    assert outcome.state.conditions["fetched"].reason == "timeout"
    assert outcome.state.applied_version == "1"
