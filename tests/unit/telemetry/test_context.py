"""Trace contexts as https://www.w3.org/TR/trace-context has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.telemetry.context import (
    STATE_LENGTH_MAX,
    TraceContext,
    carrier_here,
    here,
    of_environment,
    parse,
    within,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def parsed(traceparent: str, tracestate: str = "") -> TraceContext | None:
    return parse({"traceparent": traceparent, "tracestate": tracestate})


def test_the_example_of_the_standard() -> None:
    found = parsed(f"00-{TRACE}-{SPAN}-01", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    assert found == TraceContext(TRACE, SPAN, 1, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    assert found.sampled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01 ",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01.more",
    ],
)
def test_what_the_standard_has_ignored(text: str) -> None:
    assert parsed(text, "a=b") is None


@pytest.mark.parametrize("text", [f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what the future will be like"])
def test_a_later_version_is_read_as_far_as_this_one_goes(text: str) -> None:
    assert parsed(text) == TraceContext(TRACE, SPAN, 1)


def test_what_is_not_sampled() -> None:
    found = parsed(f"00-{TRACE}-{SPAN}-02")
    assert found is not None
    assert not found.sampled
    assert found.carrier() == {"traceparent": f"00-{TRACE}-{SPAN}-02"}


@pytest.mark.parametrize(
    ("given_state", "kept"),
    [
        ("a=1", "a=1"),
        (" a=1 ,\tb=2 ,, ", "a=1,b=2"),
        ("tenant@system=x y", "tenant@system=x y"),
        ("A=1", ""),
        ("a=1,b", ""),
        ("a=1;b=ü", ""),
        ("a=" + "x" * 256, "a=" + "x" * 256),
        ("a=" + "x" * 257, ""),
        (",".join(f"k{number}=1" for number in range(33)), ""),
    ],
)
def test_what_others_keep_is_handed_on_if_it_is_in_order(given_state: str, kept: str) -> None:
    found = parsed(f"00-{TRACE}-{SPAN}-01", given_state)
    assert found is not None, "what is wrong there takes nothing from the context"
    assert found.state == kept


def test_a_long_state_loses_whole_members_from_its_end() -> None:
    members = [f"key{number}={'x' * 100}" for number in range(9)]
    found = parsed(f"00-{TRACE}-{SPAN}-01", ",".join(members))
    assert found is not None
    assert found.state == ",".join(members[:4])
    assert len(found.state) <= STATE_LENGTH_MAX


def ids(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


@given(st.builds(TraceContext, ids(32), ids(16), st.integers(0, 255), st.sampled_from(["", "a=1", "a=1,b@c=2"])))
def test_what_travels_arrives(context: TraceContext) -> None:
    assert parse(context.carrier()) == context


@given(st.text(max_size=80))
def test_nothing_that_comes_is_too_odd(text: str) -> None:
    parsed(text, text)
    parsed(f"00-{TRACE}-{SPAN}-01", text)


def test_what_is_made_within_a_context_belongs_to_it() -> None:
    context = TraceContext(TRACE, SPAN)
    assert (here(), carrier_here()) == (None, {})
    with within(context):
        assert carrier_here() == {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        with within(None):
            assert carrier_here() == {}
    assert here() is None


def test_an_environment_has_it_in_capitals() -> None:
    assert of_environment({"TRACEPARENT": "x", "traceparent": "y", "PATH": "z"}) == {"traceparent": "x"}
