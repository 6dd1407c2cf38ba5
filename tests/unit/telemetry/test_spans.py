"""Which trace and span a run, a task run and an attempt have: whoever asks, wherever."""

from collections.abc import Iterator

import pytest

from engine.telemetry import spans
from engine.telemetry.context import TraceContext, parse

RUN = "01890000-0000-7000-8000-000000000001"
OTHER = "01890000-0000-7000-8000-000000000002"
CALLER = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "tracestate": "a=1"}


class Sampling:
    """A sink that wants all traces, or none."""

    def __init__(self, flags: int) -> None:
        self._flags = flags
        self.spans: list[spans.Span] = []

    def flags(self, trace_id: str, parent: TraceContext | None) -> int:
        return self._flags

    def record(self, span: spans.Span) -> None:
        self.spans.append(span)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    yield
    spans.tell(None)


def test_ids_are_made_from_names_and_stay_as_they_are() -> None:
    """Another release must find the same: runs are under way while processes are replaced."""
    context = spans.of_attempt(f"{RUN}-0:1", {})
    assert context.carrier() == {"traceparent": "00-033b30e54baecff08858be7080bee18c-bf5cea7c9984d381-01"}


def test_one_run_is_one_trace_and_its_parts_differ() -> None:
    found = [spans.of_run(RUN, {}), spans.of_task_run(f"{RUN}-0", {}), spans.of_attempt(f"{RUN}-0:1", {})]
    assert len({each.trace_id for each in found}) == 1
    assert len({each.span_id for each in found}) == 3
    assert spans.of_run(OTHER, {}).trace_id != found[0].trace_id
    assert spans.above(found[2], f"{RUN}-0") == found[1]


def test_a_run_that_was_asked_for_is_of_the_callers_trace() -> None:
    caller = parse(CALLER)
    assert caller is not None
    context = spans.of_attempt(f"{RUN}-0:1", CALLER)
    assert (context.trace_id, context.flags, context.state) == (caller.trace_id, 0, "a=1")
    assert context.span_id == spans.of_attempt(f"{RUN}-0:1", {}).span_id


def test_where_nobody_listens_a_task_may_record_and_nothing_is_told() -> None:
    assert not spans.told()
    assert spans.of_run(RUN, {}).sampled


@pytest.mark.parametrize("flags", [0, 1])
def test_who_listens_decides_what_is_sampled(flags: int) -> None:
    spans.tell(Sampling(flags))
    assert spans.told()
    for carrier in ({}, CALLER):
        assert spans.of_attempt(f"{RUN}-0:1", carrier).flags == flags


def test_ids_are_spread_evenly_where_samplers_look() -> None:
    low = [int(spans.of_run(f"01890000-0000-7000-8000-{number:012}", {}).trace_id[16:], 16) for number in range(400)]
    assert 120 < sum(number < 1 << 63 for number in low) < 280
