"""Pins, restored workflows and ends of both and of pauses: kept by every sync, and never undone silently."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.services.overrides import Overrides
from engine.services.refusals import ConflictError, InvalidRangeError, UnknownError
from engine.services.revision_cache import RevisionCache
from engine.store import revisions as store
from engine.store.invariants import check
from engine.store.overrides import Account, Override
from engine.store.tables import revisions, triggers
from tests.contract.sync.world import MemorySource, World, workflow

ME = Account("me", "it broke")
ONE = workflow("w", "every: 1h", "echo one")
TWO = workflow("w", "every: 30m", "echo two")
THREE = workflow("w", "every: 10m", "echo three")


@pytest.fixture
def by_hand(world: World) -> Overrides:
    return Overrides(world.database, world.broker, RevisionCache(world.database), world.clock, world.ids)


def script(world: World, name: str = "w") -> str:
    """What the active revision runs."""
    query = select(revisions.c.document).where(revisions.c.id == world.workflow(name).active_revision_id)
    with world.database.read() as connection:
        return str(connection.execute(query).scalar_one()["tasks"]["only"]["run"]).removeprefix("echo ")


def interval(world: World, name: str = "w") -> str | None:
    found = world.trigger(name)
    return None if found is None else str(found.spec["every_seconds"])


def test_a_pin_brings_an_older_revision_back_with_its_triggers(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE)
    hourly = interval(world)
    world.sync(w=TWO)
    assert script(world) == "two"
    row = by_hand.pin("default", "w", 1, ME)
    assert (row.active_revision, row.pinned_revision, row.pinned_by, row.pin_reason) == (1, 1, "me", "it broke")
    assert (script(world), interval(world)) == ("one", hourly)


def test_a_sync_keeps_newer_revisions_and_leaves_the_pinned_one_live(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE)
    by_hand.pin("default", "w", 1, ME)
    outcome = world.sync(w=TWO)
    assert outcome.applied.activated == ()
    assert (script(world), world.workflow("w").revision_count) == ("one", 2)
    assert not world.sync().changed  # the same commit is not applied twice
    world.sync(w=THREE)
    row = by_hand.unpin("default", "w")
    assert (row.active_revision, row.pinned_revision) == (3, None)
    assert script(world) == "three"
    assert interval(world) == "600.0"


def test_what_was_due_under_the_old_schedule_fires_before_a_pin_changes_it(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE)
    world.sync(w=TWO)
    world.clock.forward(minutes=31)
    by_hand.pin("default", "w", 1, ME)
    assert [outcome for _, outcome in world.ledger("w")] == ["run"]
    assert len(world.runs("w")) == 1


def test_a_pin_and_a_pause_hold_at_once(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE)
    world.sync(w=TWO)
    world.pause("w")
    by_hand.pin("default", "w", 1, ME)
    assert world.trigger("w").next_at is None
    world.resume("w")
    assert world.trigger("w").next_at is not None
    assert script(world) == "one"


def test_a_pin_ends_when_its_time_is_over(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE)
    world.sync(w=TWO)
    by_hand.pin("default", "w", 1, Account("me", until=world.clock() + timedelta(hours=2)))
    world.clock.forward(minutes=119)
    assert by_hand.end() == []
    world.clock.forward(minutes=1)
    assert by_hand.end() == [("default", "w", Override.PIN)]
    assert by_hand.end() == []
    assert script(world) == "two"


def test_a_pause_ends_when_its_time_is_over(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE)
    until = world.clock() + timedelta(minutes=5)
    with world.database.write() as connection:
        store.pause(connection, world.workflow("w").id, "me", "", world.clock(), until)
    world.sync(w=TWO)  # a sync does not undo it
    assert world.workflow("w").paused_at is not None
    world.clock.forward(minutes=5)
    assert by_hand.end() == [("default", "w", Override.PAUSE)]
    assert world.trigger("w").next_at == world.clock() + timedelta(minutes=25)


def test_a_removed_workflow_is_archived_whatever_it_was_pinned_at(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE)
    world.sync(w=TWO, other=workflow("other"))
    by_hand.pin("default", "w", 1, ME)
    del world.source.files["w.yaml"]
    world.sync()
    row = world.workflow("w")
    assert row.archived_at is not None
    assert row.pinned_revision is None
    assert script(world) == "two"


def test_a_restored_workflow_stays_until_its_file_is_back(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE, other=workflow("other"))
    del world.source.files["w.yaml"]
    world.sync()
    row = by_hand.restore("default", "w", ME)
    assert (row.archived_at, row.restored_by, row.restore_reason) == (None, "me", "it broke")
    assert world.trigger("w").next_at is not None
    assert not world.sync().changed
    assert world.workflow("w").archived_at is None
    world.sync(w=TWO)
    assert world.workflow("w").restored_at is None
    assert script(world) == "two"


def test_the_same_file_takes_a_restored_workflow_back(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE, other=workflow("other"))
    del world.source.files["w.yaml"]
    world.sync()
    by_hand.restore("default", "w", ME)
    world.sync(w=ONE)
    row = world.workflow("w")
    assert (row.restored_at, row.archived_at, row.revision_count) == (None, None, 1)


def test_a_restored_workflow_is_let_go_of_by_hand_or_at_its_end(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE, other=workflow("other"))
    del world.source.files["w.yaml"]
    world.sync()
    by_hand.restore("default", "w", ME)
    assert by_hand.unrestore("default", "w").archived_at is not None
    by_hand.restore("default", "w", Account("me", until=world.clock() + timedelta(hours=1)))
    world.clock.forward(hours=1)
    assert by_hand.end() == [("default", "w", Override.RESTORE)]
    assert world.workflow("w").archived_at is not None
    assert world.trigger("w").next_at is None


def test_what_was_due_fires_before_the_file_of_a_restored_workflow_changes_it(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE, other=workflow("other"))
    del world.source.files["w.yaml"]
    world.sync()
    by_hand.restore("default", "w", ME)
    world.clock.forward(minutes=61)
    world.sync(w=TWO)
    assert [outcome for _, outcome in world.ledger("w")] == ["run"]


def test_what_is_shown_of_a_workflow_that_was_pinned_and_removed_is_its_newest(
    world: World, by_hand: Overrides
) -> None:
    world.sync(w=workflow("w", extra="labels: {team: a}\n"), other=workflow("other"))
    world.sync(w=workflow("w", extra="labels: {team: b}\n"))
    by_hand.pin("default", "w", 1, ME)
    assert world.workflow("w").labels == {"team": "a"}
    file = world.source.files.pop("w.yaml")
    world.sync()
    world.sync(w=file)
    assert world.workflow("w").labels == {"team": "b"}


def test_another_source_that_has_the_file_takes_a_restored_workflow_over(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE, other=workflow("other"))
    del world.source.files["w.yaml"]
    world.sync()
    by_hand.restore("default", "w", ME)
    outcome = world.sync(MemorySource(name="second"), w=ONE)
    assert [item.standing.name for item in outcome.plan.returned] == ["w"]
    row = world.workflow("w")
    assert (row.source, row.restored_at) == ("second", None)


def test_what_cannot_be_is_refused_and_changes_nothing(world: World, by_hand: Overrides) -> None:
    world.sync(w=ONE, other=workflow("other"))
    with pytest.raises(UnknownError, match=r"no revision 2\n  hint: it has 1 to 1"):
        by_hand.pin("default", "w", 2, ME)
    with pytest.raises(UnknownError, match="no workflow default/x"):
        by_hand.pin("default", "x", 1, ME)
    with pytest.raises(InvalidRangeError, match="is past"):
        by_hand.pin("default", "w", 1, Account("me", until=world.clock()))
    with pytest.raises(ConflictError, match="was not removed"):
        by_hand.restore("default", "w", ME)
    with pytest.raises(ConflictError, match="was not restored"):
        by_hand.unrestore("default", "w")
    del world.source.files["w.yaml"]
    world.sync()
    with pytest.raises(ConflictError, match="restore it first"):
        by_hand.pin("default", "w", 1, ME)
    assert world.workflow("w").pinned_revision is None
    assert by_hand.unpin("default", "w").pinned_revision is None


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_what_is_live_is_what_git_says_or_somebody_holds(
    world: World, by_hand: Overrides, seed: int
) -> None:
    chance = random.Random(seed)
    world.sync(w=ONE, other=workflow("other"))
    for _ in range(25):
        _something(world, by_hand, chance)
        world.fire()
        row = world.workflow("w")
        with world.database.read() as connection:
            numbers = {row.id: row.number for row in connection.execute(select(revisions.c.id, revisions.c.number))}
            of_active = select(revisions.c.document).where(revisions.c.id == row.active_revision_id)
            wanted = connection.execute(of_active).scalar_one()["triggers"]["tick"]["every"]
            rows = connection.execute(select(triggers).where(triggers.c.workflow_id == row.id)).all()
            assert check(connection, world.clock()) == []
        assert numbers[row.active_revision_id] == (row.pinned_revision or row.revision_count)
        assert len(rows) == 1
        assert rows[0].spec["every_seconds"] == {"1h": 3600, "30m": 1800, "10m": 600}[wanted]
        assert (row.archived_at is not None) == ("w.yaml" not in world.source.files and row.restored_at is None)
        assert (rows[0].next_at is None) == (row.archived_at is not None or row.paused_at is not None)
        assert row.restored_at is None or "w.yaml" not in world.source.files
        world.clock.forward(minutes=chance.randrange(40))


def _something(world: World, by_hand: Overrides, chance: random.Random) -> None:
    """Do one thing, and sync, so that what git says is known."""
    until = world.clock() + timedelta(minutes=chance.randrange(1, 60)) if chance.random() < 0.5 else None
    account = Account("me", "", until)
    row = world.workflow("w")
    match chance.randrange(8):
        case 0 | 1:
            world.source.files["w.yaml"] = chance.choice([ONE, TWO, THREE])
        case 2:
            world.source.files.pop("w.yaml", None)
        case 3 if row.archived_at is None:
            by_hand.pin("default", "w", chance.randint(1, row.revision_count), account)
        case 4:
            by_hand.unpin("default", "w")
        case 5 if row.archived_at is not None:
            by_hand.restore("default", "w", account)
        case 6 if row.paused_at is None:
            world.pause("w")
        case 7:
            world.resume("w")
        case _:
            pass
    by_hand.end()
    world.sync()
