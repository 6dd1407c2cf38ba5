"""Cycles: found wherever they are, none where there is none, in linear time."""

from hypothesis import given
from hypothesis import strategies as st

from dsl.checks.graph import find_cycles

GRAPHS = (
    st.integers(1, 9)
    .flatmap(lambda size: st.lists(st.lists(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size))
    .map(lambda rows: {str(number): [str(need) for need in row] for number, row in enumerate(rows)})
)


def reaches_itself(graph: dict[str, list[str]], start: str) -> bool:
    """Whether a way of two or more steps over other tasks leads back."""
    seen: set[str] = set()
    frontier = [need for need in graph[start] if need != start]
    while frontier:
        here = frontier.pop()
        if here == start:
            return True
        if here not in seen:
            seen.add(here)
            frontier += graph[here]
    return False


@given(GRAPHS)
def test_a_cycle_is_found_exactly_where_there_is_one(graph: dict[str, list[str]]) -> None:
    cycles = find_cycles(graph)
    assert bool(cycles) == any(reaches_itself(graph, start) for start in graph)
    for cycle in cycles:
        for here, there in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            assert there in graph[here]
    members = [task for cycle in cycles for task in cycle]
    assert len(members) == len(set(members))


def test_a_chain_of_many_tasks_is_walked_without_recursion() -> None:
    chain = {str(number): [str(number + 1)] for number in range(20_000)}
    assert find_cycles({**chain, "20000": []}) == []
    assert [len(cycle) for cycle in find_cycles({**chain, "20000": ["0"]})] == [20_001]
