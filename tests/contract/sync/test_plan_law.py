"""The law of plans: applying one leaves an empty one, whatever was there before."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.sync.world import FAULTY, World, workflow

NAMES = ["one", "two", "three", "four"]
SCRIPTS = ["echo a", "echo b"]
TRIGGERS = ["", "every: 10s", 'cron: "* * * * *"']
CONTENT = st.one_of(
    st.builds(workflow, st.sampled_from(NAMES), st.sampled_from(TRIGGERS), st.sampled_from(SCRIPTS)),
    st.just(FAULTY),
)
FILES = st.dictionaries(st.sampled_from(["a.yaml", "b.yaml", "c.yaml", "d/a.yaml"]), CONTENT, max_size=4)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(st.tuples(FILES, st.integers(0, 90)), min_size=1, max_size=4))
def test_applying_a_plan_leaves_an_empty_plan(world: World, steps: list[tuple[dict[str, str], int]]) -> None:
    for files, seconds in steps:
        world.clock.forward(seconds=seconds)
        world.source.files = dict(files)
        outcome = world.sync()
        again = world.sync()
        assert again.plan.empty
        assert again.state == outcome.state
        assert {item.key for item in again.plan.held}.isdisjoint(item.key for item in again.plan.unchanged)
        for row in world.workflows().values():
            resting = world.trigger(row.name) is None or world.trigger(row.name).next_at is None
            assert resting or row.archived_at is None
