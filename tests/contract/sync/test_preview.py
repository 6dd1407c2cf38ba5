"""What is planned is what is applied, and planning changes nothing."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.services.plans import Action, Plans, SourcePlan
from engine.store import sources
from engine.sync.plan import key_of
from tests.contract.sync.test_plan_law import CONTENT, FILES
from tests.contract.sync.world import START, World, workflow

STEPS = st.lists(st.tuples(FILES, st.dictionaries(st.just("e.yaml"), CONTENT)), min_size=1, max_size=3)


def plan(world: World, **files: str) -> SourcePlan:
    return planned(world, {f"{name}.yaml": text for name, text in files.items()})


def planned(world: World, files: dict[str, str]) -> SourcePlan:
    return Plans(world.database, world.clock).of_files("main", {path: text.encode() for path, text in files.items()})


def names(found: SourcePlan, *actions: Action) -> list[str]:
    return sorted(item.workflow for item in found.changes if item.action in actions)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(STEPS)
def test_applying_what_was_planned_gives_exactly_that(world: World, steps: list[tuple[dict[str, str], ...]]) -> None:
    world.sync(seed=workflow("seed"))
    for one, two in steps:
        files = {**one, **two}
        world.source.files = dict(files)
        if not files:
            continue
        before = planned(world, files)
        plan = world.sync().plan
        assert names(before, Action.ADDED) == sorted("/".join(key_of(item)) for item in plan.added)
        assert names(before, Action.RETURNED) == sorted("/".join(key_of(item.loaded)) for item in plan.returned)
        changed = sorted("/".join(key_of(item.loaded)) for item in plan.changed)
        assert names(before, Action.CHANGED, Action.RENAMED) == changed
        assert names(before, Action.REMOVED) == sorted("/".join(item.key) for item in plan.removed)
        assert set(plan.diagnostics) <= set(before.diagnostics)
        after = planned(world, files)
        assert not names(after, *(set(Action) - {Action.HELD, Action.WAITS}))


def test_a_change_is_told_field_by_field_with_the_firings_of_its_triggers(world: World) -> None:
    world.sync(a=workflow("one", "every: 1h"), b=workflow("two"))
    world.clock.forward(minutes=10)
    row = world.trigger("one")
    found = plan(world, a=workflow("one", "every: 30m", "echo b"), c=workflow("new", script="echo c"))
    change = next(item for item in found.changes if item.workflow == "default/one")
    assert [(item.path, item.after) for item in change.fields] == [
        ("triggers.tick.every", "30m"),
        ("tasks.only.run", "echo b"),
    ]
    (tick,) = change.triggers
    assert tick.before is not None
    assert tick.after is not None
    assert [(time - START).total_seconds() / 60 for time in tick.before] == [60, 120, 180]
    assert len(tick.after) == 3
    assert names(found, Action.ADDED) == ["default/new"]
    assert names(found, Action.REMOVED) == ["default/two"]
    assert world.trigger("one") == row, "planning changes nothing"
    world.sync(a=workflow("one", "every: 30m", "echo b"))
    assert world.trigger("one").next_fire_time == tick.after[0]


def test_a_paused_workflow_has_no_firings_and_says_so(world: World) -> None:
    world.sync(a=workflow("one", "every: 1h"))
    world.pause("one")
    (change,) = plan(world, a=workflow("one", "every: 30m")).changes
    assert (change.paused, change.triggers[0].before, change.triggers[0].after) == (True, (), ())


def test_runs_that_have_not_ended_are_counted_and_named(world: World) -> None:
    world.sync(a=workflow("one", "every: 1h"))
    world.clock.forward(hours=1)
    world.fire()
    (run,) = world.runs("one")
    (change,) = plan(world, a=workflow("one", "every: 1h", "echo b")).changes
    assert (change.running.count, change.running.ids) == (1, (run.id,))


def test_a_rename_and_another_file_are_told_as_such(world: World) -> None:
    world.sync(a=workflow("one"), b=workflow("two"))
    found = plan(world, a=workflow("uno"), d=workflow("two"))
    renamed, moved = found.changes
    assert (renamed.action, renamed.workflow, renamed.former_name) == (Action.RENAMED, "default/uno", "default/one")
    assert (moved.action, moved.path, moved.former_path) == (Action.MOVED, "d.yaml", "b.yaml")


def test_too_many_removals_wait(world: World) -> None:
    world.sync(**{f"w{number}": workflow(f"w{number}") for number in range(5)})
    found = plan(world, w0=workflow("w0"))
    assert (names(found, Action.REMOVED), len(names(found, Action.WAITS))) == ([], 4)


def test_the_source_s_own_rules_count(world: World) -> None:
    world.sync(a=workflow("one"))
    with world.database.write() as connection:
        config = {"namespace": "default", "namespaces": ["data.*"], "policy": "atomic", "exclude": ["old/"]}
        sources.enter(connection, "main", "git", config, world.clock())
    found = planned(world, {"a.yaml": workflow("one", script="echo b"), "old/b.yaml": workflow("two")})
    assert found.rejected
    assert {item.file for item in found.diagnostics} == {"a.yaml"}
