"""What a sync does to workflows, revisions and the source's conditions."""

import threading

import pytest
from sqlalchemy import func, select

from engine.clock import new_id
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.store import sources
from engine.store.tables import revisions
from engine.store.tables import sources as sources_table
from engine.sync.reconcile import Reconciler
from engine.sync.report import summary
from engine.sync.source import FetchError, Policy, Rules
from tests.contract.sync.world import FAULTY, MemorySource, World, workflow


def numbers(world: World, name: str) -> list[int]:
    query = select(revisions.c.number).where(revisions.c.workflow_id == world.workflow(name).id)
    with world.database.read() as connection:
        return sorted(connection.execute(query).scalars())


def status(outcome) -> dict[str, tuple[bool, str]]:
    return {name: (item.status, item.reason) for name, item in outcome.state.conditions.items()}


def test_a_new_file_becomes_a_workflow_with_a_revision(world: World) -> None:
    world.source.commit, world.source.author = "abc", "Ada"
    outcome = world.sync(a=workflow("alpha", extra="labels: {team: data}\ndescription: first\n"))
    row = world.workflow("alpha")
    assert (row.source, row.path, row.labels, row.description) == ("main", "a.yaml", {"team": "data"}, "first")
    assert row.ready == {"state": "ready", "images": {}}
    with world.database.read() as connection:
        revision = connection.execute(select(revisions).where(revisions.c.id == row.active_revision_id)).one()
    assert (revision.number, revision.commit, revision.author, revision.path) == (1, "abc", "Ada", "a.yaml")
    assert revision.document["tasks"] == {"only": {"run": "echo hi"}}
    assert status(outcome) == {"fetched": (True, "fetched"), "valid": (True, "valid"), "applied": (True, "applied")}
    assert summary(outcome) == "added default/alpha"


def test_a_change_makes_the_next_revision_and_names_the_fields(world: World) -> None:
    world.sync(a=workflow("alpha"))
    outcome = world.sync(a=workflow("alpha", script="echo bye"))
    assert [(field.path, field.before, field.after) for field in outcome.plan.changed[0].fields] == [
        ("tasks.only.run", "echo hi", "echo bye")
    ]
    assert numbers(world, "alpha") == [1, 2]
    assert world.workflow("alpha").revision_count == 2


def test_comments_and_layout_make_no_revision(world: World) -> None:
    world.sync(a=workflow("alpha"))
    outcome = world.sync(a="# a remark\n" + workflow("alpha") + "\n\n")
    assert outcome.plan.empty
    assert numbers(world, "alpha") == [1]


def test_looking_again_writes_nothing(world: World) -> None:
    world.sync(a=workflow("alpha"), b=FAULTY)
    world.clock.forward(seconds=30)
    outcome = world.sync()
    with world.database.read() as connection:
        synced_at = connection.execute(select(sources_table.c.synced_at)).scalar_one()
    assert synced_at < world.clock.now
    assert not outcome.changed


def test_a_faulty_file_keeps_its_last_good_revision_while_good_ones_go_live(world: World) -> None:
    world.sync(a=workflow("alpha"), b=workflow("beta"))
    outcome = world.sync(a=workflow("alpha", script="echo new"), b=FAULTY)
    assert numbers(world, "alpha") == [1, 2]
    assert world.workflow("beta").archived_at is None
    assert numbers(world, "beta") == [1]
    assert status(outcome) == {"fetched": (True, "fetched"), "valid": (False, "faulty"), "applied": (True, "partial")}
    assert "default/beta" in outcome.state.conditions["applied"].message
    [diagnostic] = outcome.state.diagnostics
    assert (diagnostic.file, diagnostic.line, diagnostic.column) == ("b.yaml", 3, 24)


def test_the_diagnostics_are_on_the_source_and_go_when_the_file_is_mended(world: World) -> None:
    world.sync(b=FAULTY, a=workflow("alpha"))
    with world.database.read() as connection:
        assert [item.code for item in sources.load(connection, "main").diagnostics] == ["E0101"]
    world.sync(b=workflow("beta"))
    with world.database.read() as connection:
        assert sources.load(connection, "main").diagnostics == ()


def test_atomic_changes_nothing_while_a_file_is_faulty(world: World) -> None:
    source = MemorySource(rules=Rules(policy=Policy.ATOMIC))
    first = world.sync(source, a=workflow("alpha"))
    outcome = world.sync(source, a=workflow("alpha", script="echo new"), b=FAULTY)
    assert numbers(world, "alpha") == [1]
    assert status(outcome)["applied"] == (False, "rejected")
    assert outcome.state.applied_version == first.state.applied_version != outcome.state.seen_version
    world.sync(source, b=workflow("beta"))
    assert numbers(world, "alpha") == [1, 2]


def test_a_removed_workflow_is_archived_with_its_history_and_its_triggers_rest(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"), b=workflow("beta"), c=workflow("gamma"))
    del world.source.files["a.yaml"]
    outcome = world.sync()
    assert world.workflow("alpha").archived_at == world.clock.now
    assert numbers(world, "alpha") == [1]
    assert world.trigger("alpha").next_at is None
    assert summary(outcome) == "removed default/alpha"


def test_a_removed_workflow_that_comes_back_has_its_history(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"), b=workflow("beta"))
    identity = world.workflow("alpha").id
    del world.source.files["a.yaml"]
    world.sync()
    world.clock.forward(minutes=5)
    outcome = world.sync(a=workflow("alpha", "every: 10s"))
    row = world.workflow("alpha")
    assert (row.id, row.archived_at, numbers(world, "alpha")) == (identity, None, [1])
    assert world.trigger("alpha").next_at > world.clock.now
    assert summary(outcome) == "back default/alpha"


def test_one_that_comes_back_changed_gets_the_next_revision(world: World) -> None:
    world.sync(a=workflow("alpha"), b=workflow("beta"))
    del world.source.files["a.yaml"]
    world.sync()
    world.sync(a=workflow("alpha", script="echo new"))
    assert (world.workflow("alpha").archived_at, numbers(world, "alpha")) == (None, [1, 2])


def test_a_renamed_workflow_keeps_identity_and_history(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"), b=workflow("beta", script="echo b"))
    before, anchor = world.workflow("alpha"), world.trigger("alpha").anchor_at
    world.clock.forward(seconds=3)
    outcome = world.sync(a=workflow("omega", "every: 10s"))
    assert set(world.workflows()) == {"beta", "omega"}
    assert world.workflow("omega").id == before.id
    assert numbers(world, "omega") == [1, 2]
    assert world.trigger("omega").anchor_at == anchor
    assert summary(outcome) == "changed default/alpha, now default/omega"


def test_a_rename_that_could_mean_two_is_none(world: World) -> None:
    world.sync(a=workflow("alpha"), b=workflow("beta"), c=workflow("gamma", script="echo c"))
    del world.source.files["a.yaml"]
    outcome = world.sync(b=workflow("omega"))
    assert {item.name for item in outcome.plan.removed} == {"alpha", "beta"}


def test_a_workflow_that_moves_to_another_file_gets_no_revision(world: World) -> None:
    world.sync(a=workflow("alpha"), b=workflow("beta"))
    world.source.files["deep/a.yaml"] = world.source.files.pop("a.yaml")
    world.sync()
    assert (world.workflow("alpha").path, numbers(world, "alpha")) == ("deep/a.yaml", [1])


def test_a_file_renamed_and_broken_at_once_keeps_its_workflow(world: World) -> None:
    world.sync(a=workflow("broken"), b=workflow("beta"))
    del world.source.files["a.yaml"]
    world.sync(z=FAULTY)
    assert world.workflow("broken").archived_at is None


def test_the_first_source_to_use_a_name_has_it(world: World) -> None:
    other = MemorySource(name="other")
    world.sync(a=workflow("alpha"))
    outcome = world.sync(other, x=workflow("alpha", script="echo theirs"), y=workflow("mine"))
    assert world.workflow("alpha").source == "main"
    assert numbers(world, "alpha") == [1]
    assert world.workflow("mine").source == "other"
    [diagnostic] = outcome.state.diagnostics
    assert (diagnostic.code, diagnostic.file, diagnostic.line) == ("E0201", "x.yaml", 1)
    assert "'main' (a.yaml)" in diagnostic.message
    assert status(outcome)["valid"] == (False, "faulty")


def test_an_archived_name_may_be_taken_over_by_another_source(world: World) -> None:
    world.sync(a=workflow("alpha"), b=workflow("beta"))
    del world.source.files["a.yaml"]
    world.sync()
    world.sync(MemorySource(name="other"), x=workflow("alpha"))
    assert (world.workflow("alpha").source, world.workflow("alpha").archived_at) == ("other", None)
    world.sync()
    assert world.workflow("alpha").archived_at is None


def test_two_files_with_one_name_leave_what_is_live_alone(world: World) -> None:
    world.sync(m=workflow("alpha"))
    outcome = world.sync(a=workflow("alpha", script="echo other"))
    assert numbers(world, "alpha") == [1]
    assert world.workflow("alpha").path == "m.yaml"
    assert [item.file for item in outcome.state.diagnostics] == ["m.yaml"]


def test_one_of_three_may_go_by_itself(world: World) -> None:
    world.sync(a=workflow("alpha"), b=workflow("beta"), c=workflow("gamma"))
    del world.source.files["b.yaml"]
    world.sync()
    assert world.workflow("beta").archived_at is not None


def test_many_removals_wait_for_a_person_while_all_else_goes_live(world: World) -> None:
    world.sync(**{f"w{n}": workflow(f"w{n}", script=f"echo {n}") for n in range(20)})
    for n in range(5):
        del world.source.files[f"w{n}.yaml"]
    outcome = world.sync(new=workflow("new"))
    assert status(outcome)["applied"] == (False, "removal_waits")
    assert "5 workflows gone at once" in outcome.state.conditions["applied"].message
    assert world.workflow("w0").archived_at is None
    assert world.workflow("new").archived_at is None
    with world.database.write() as connection:
        assert sources.approve_prune(connection, "main", outcome.state.seen_version, world.clock())
    outcome = world.sync()
    assert status(outcome)["applied"] == (True, "applied")
    assert {name for name, row in world.workflows().items() if row.archived_at} == {f"w{n}" for n in range(5)}


def test_an_agreement_holds_for_its_version_only(world: World) -> None:
    world.sync(**{f"w{n}": workflow(f"w{n}", script=f"echo {n}") for n in range(20)})
    for n in range(5):
        del world.source.files[f"w{n}.yaml"]
    version = world.sync().state.seen_version
    with world.database.write() as connection:
        sources.approve_prune(connection, "main", version, world.clock())
    del world.source.files["w5.yaml"]
    assert status(world.sync())["applied"] == (False, "removal_waits")


def test_nobody_agrees_for_a_source_that_is_not_there(world: World) -> None:
    with world.database.write() as connection:
        assert not sources.approve_prune(connection, "none", "v", world.clock())


def test_without_prune_nothing_is_removed(world: World) -> None:
    source = MemorySource(rules=Rules(prune=False))
    world.sync(source, a=workflow("alpha"), b=workflow("beta"))
    del source.files["a.yaml"]
    outcome = world.sync(source)
    assert world.workflow("alpha").archived_at is None
    assert status(outcome)["applied"] == (True, "applied")


@pytest.mark.parametrize("reason", ["absent", "empty"])
def test_a_source_that_cannot_be_read_removes_nothing(world: World, reason: str) -> None:
    world.sync(a=workflow("alpha"))
    at = world.clock.forward(seconds=7)
    world.source.failure = FetchError(reason, "gone")
    outcome = world.sync()
    assert world.workflow("alpha").archived_at is None
    assert status(outcome) == {"fetched": (False, reason), "valid": (True, "valid"), "applied": (True, "applied")}
    world.clock.forward(seconds=30)
    assert world.sync().state.conditions["fetched"].at == at
    world.source.failure = None
    assert status(world.sync())["fetched"] == (True, "fetched")


def test_a_restarted_sync_finds_nothing_to_do(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    world.restart()
    assert not world.sync().changed
    with world.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(revisions)).scalar_one() == 1


def test_two_syncers_of_one_source_apply_a_change_once(world: World) -> None:
    settle = Firings(RevisionCache(world.database), world.ids).settle
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []
    rounds = 5

    def sync() -> None:
        source = MemorySource()
        reconciler = Reconciler(world.database, source, settle=settle, ids=new_id, now=world.clock)
        try:
            for number in range(rounds):
                source.files = {"a.yaml": workflow("alpha", "every: 10s", script=f"echo {number}")}
                barrier.wait(30)
                reconciler.reconcile()
        except BaseException as error:  # shown by the test below; a thread's own end is silent
            failures.append(error)
            barrier.abort()

    threads = [threading.Thread(target=sync) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert numbers(world, "alpha") == list(range(1, rounds + 1))


def test_text_that_postgresql_cannot_hold_stops_nobody(world: World) -> None:
    condition = "1 / (size(trigger.name) - 4) == 0 && trigger.name != '\\0'"
    world.sync(a=workflow("alpha", f'every: 10s, if: "{condition}"', extra='description: "a\\0b"\n'))
    assert world.workflow("alpha").description == "a\ufffdb"
    world.clock.forward(seconds=10)
    world.fire()
    assert [outcome for _, outcome in world.ledger("alpha")] == ["failed"]


def test_a_transaction_that_fails_applies_nothing(world: World) -> None:
    world.sync(a=workflow("alpha"))

    class FailsError(RuntimeError):
        pass

    def failing() -> str:
        raise FailsError

    reconciler = world._reconcilers["main"]
    ids, reconciler._ids = reconciler._ids, failing
    with pytest.raises(FailsError):
        world.sync(a=workflow("alpha", script="echo new"), b=workflow("beta"))
    assert set(world.workflows()) == {"alpha"}
    reconciler._ids = ids
    assert world.sync().changed
    assert numbers(world, "alpha") == [1, 2]
