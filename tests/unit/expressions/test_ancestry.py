"""Which tasks are upstream of which."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.expressions.ancestry import Ancestry


def test_upstream_is_what_is_needed_at_any_distance() -> None:
    ancestry = Ancestry({"a": [], "b": ["a"], "c": ["b"], "side": ["a"]})
    assert ancestry.has("c", "a")
    assert not ancestry.has("a", "c")
    assert not ancestry.has("c", "side")


def test_unknown_and_circular_needs_are_left_out() -> None:
    ancestry = Ancestry({"a": ["b", "nobody"], "b": ["a"], "c": ["a"]})
    assert ancestry.has("c", "a")
    assert ancestry.has("c", "b")


def test_a_chain_of_thousands_needs_no_recursion() -> None:
    ancestry = Ancestry({f"t{n}": [f"t{n - 1}"] if n else [] for n in range(5_000)})
    assert ancestry.has("t4999", "t0")
    assert not ancestry.has("t0", "t4999")


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, 11)), max_size=12), st.randoms())
def test_it_agrees_with_walking_the_graph(edges: list[set[int]], random) -> None:
    needs = {str(n): [str(other) for other in sorted(others) if other < n] for n, others in enumerate(edges)}
    names = list(needs)
    random.shuffle(names)  # what is asked first must not matter
    ancestry = Ancestry({name: needs[name] for name in names})
    for name in names:
        assert {other for other in names if ancestry.has(name, other)} == _walked(needs, name)


def _walked(needs: dict[str, list[str]], name: str) -> set[str]:
    return {found for need in needs[name] for found in {need, *_walked(needs, need)}}
