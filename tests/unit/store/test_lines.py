"""Who gets what of limited resources: all or nothing, in order, and never a standstill."""

from hypothesis import given
from hypothesis import strategies as st

from engine.store.lines import Ledger, Owner, Waiter, serve


def waiter(name: str, position: int, *, begun: bool = False, **units: int) -> Waiter:
    return Waiter(Owner(name, "t" if begun else ""), units, position, begun)


def served(free: dict[str, int], *waiters: Waiter) -> list[str]:
    return [found.owner.run_id for found in serve(Ledger(free), waiters)]


def test_the_line_is_served_in_order_as_far_as_there_is_room() -> None:
    assert served({"a": 2}, waiter("z", 1, a=1), waiter("x", 3, a=1), waiter("y", 2, a=1)) == ["z", "y"]


def test_nobody_gets_a_part() -> None:
    assert served({"a": 1, "b": 0}, waiter("x", 1, a=1, b=1)) == []


def test_who_wants_much_is_not_overtaken_by_who_wants_little() -> None:
    assert served({"a": 1}, waiter("x", 1, a=2), waiter("y", 2, a=1)) == []


def test_what_a_waiter_for_several_lacks_is_kept_back_from_runs_that_have_not_begun() -> None:
    assert served({"a": 1, "b": 0}, waiter("x", 1, a=1, b=1), waiter("y", 2, a=1)) == []


def test_and_not_from_what_has_begun() -> None:
    assert served({"a": 1, "b": 0}, waiter("x", 1, a=1, b=1), waiter("y", 2, begun=True, a=1)) == ["y"]


def test_who_waits_behind_a_waiter_for_several_holds_nobody_up_who_has_begun() -> None:
    line = (waiter("x", 1, a=1, b=1), waiter("y", 2, a=1), waiter("z", 3, begun=True, a=1))
    assert served({"a": 1, "b": 0}, *line) == ["z"]


def test_a_resource_that_is_not_looked_at_gives_nothing() -> None:
    assert served({"a": 5}, waiter("x", 1, a=1, other=1)) == []


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 4), min_size=1),
    st.lists(st.tuples(st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), min_size=1), st.booleans())),
)
def test_no_more_is_given_than_there_is(free: dict[str, int], wanted: list[tuple[dict[str, int], bool]]) -> None:
    line = [Waiter(Owner(str(n), ""), units, n, begun) for n, (units, begun) in enumerate(wanted)]
    found = serve(Ledger(dict(free)), line)
    for name in "abc":
        assert sum(each.units.get(name, 0) for each in found) <= free.get(name, 0)
