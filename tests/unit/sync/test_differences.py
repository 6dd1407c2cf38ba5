import json

from hypothesis import given
from hypothesis import strategies as st

from engine.sync.differences import ABSENT, FieldChange, differences

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


def paths(before, after) -> list[str]:
    return [item.path for item in differences(before, after)]


def test_a_field_is_named_by_its_dotted_path() -> None:
    before = {"tasks": {"a": {"run": "x", "retry": {"delay": 1}}}}
    after = {"tasks": {"a": {"run": "y", "retry": {"delay": 2}}}}
    assert list(differences(before, after)) == [
        FieldChange("tasks.a.run", "x", "y"),
        FieldChange("tasks.a.retry.delay", 1, 2),
    ]


def test_what_comes_and_goes_is_shown_whole() -> None:
    assert list(differences({"a": {"b": 1}}, {"c": 2})) == [
        FieldChange("c", ABSENT, 2),
        FieldChange("a", {"b": 1}, ABSENT),
    ]


def test_steps_are_told_by_their_id() -> None:
    before = {"tasks": [{"id": "one", "run": "x"}, {"id": "two", "run": "y"}]}
    after = {"tasks": [{"id": "one", "run": "x"}, {"id": "new", "run": "n"}, {"id": "two", "run": "z"}]}
    assert paths(before, after) == ["tasks.new", "tasks.two.run"]


def test_steps_in_another_order_are_another_list() -> None:
    before = [{"id": "one"}, {"id": "two"}]
    assert paths({"tasks": before}, {"tasks": before[::-1]}) == ["tasks"]


def test_true_is_not_one() -> None:
    assert paths({"a": 1}, {"a": True}) == ["a"]
    assert paths({"a": [1]}, {"a": [True]}) == ["a"]


@given(VALUES)
def test_nothing_differs_from_itself(value) -> None:
    assert paths(value, value) == []


@given(st.dictionaries(st.sampled_from("abcd"), VALUES), st.dictionaries(st.sampled_from("abcd"), VALUES))
def test_what_is_not_the_same_differs_somewhere(before, after) -> None:
    same = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert bool(paths(before, after)) is not same
