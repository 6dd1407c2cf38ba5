import click
import pytest

from cli.arguments import PAIR, WORKFLOW, input_values, is_run_id


@pytest.mark.parametrize(("text", "names"), [("hello", ("default", "hello")), ("data.eu/hello", ("data.eu", "hello"))])
def test_a_name_without_namespace_is_in_the_default_one(text, names):
    assert WORKFLOW.convert(text, None, None) == names


@pytest.mark.parametrize("text", ["", "/", "/a", "a/", "a/b/c"])
def test_what_names_no_workflow_is_misuse(text):
    with pytest.raises(click.UsageError):
        WORKFLOW.convert(text, None, None)


def test_a_pair_is_cut_at_its_first_equals_sign():
    assert PAIR.convert("a=b=c", None, None) == ("a", "b=c")
    with pytest.raises(click.UsageError):
        PAIR.convert("a", None, None)


def test_input_values_are_json_where_they_can_be():
    pairs = (("n", "3"), ("flag", "true"), ("list", "[1, 2]"), ("day", "2026-01-01"), ("text", "hello"), ("empty", ""))
    assert input_values(pairs) == {
        "n": 3,
        "flag": True,
        "list": [1, 2],
        "day": "2026-01-01",
        "text": "hello",
        "empty": "",
    }


def test_a_run_id_is_told_from_a_workflow():
    assert is_run_id("01a20974-63ec-7267-9d65-46cae19fe1c3")
    assert not is_run_id("hello")
    assert not is_run_id("default/hello")
