"""The middleware that measures requests, on a bare ASGI application."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from api.tracing import Traced, carrier_of
from engine.telemetry import spans
from engine.telemetry.context import TraceContext, here, parse
from engine.telemetry.instruments import HTTP_DURATION
from tests.recorded import Recorded

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Sink:
    def __init__(self) -> None:
        self.spans: list[spans.Span] = []

    def flags(self, trace_id: str, parent: TraceContext | None) -> int:
        return 1

    def record(self, span: spans.Span) -> None:
        self.spans.append(span)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    spans.tell(sink)
    yield sink
    spans.tell(None)


def asked(*headers: tuple[str, str], status: int | None = 200, method: str = "GET") -> TraceContext | None:
    """Send one request; return the context in which it was handled. Without a status the handler raises."""
    seen: list[TraceContext | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["path_template"] = "/runs/{run_id:str}"
        seen.append(here())
        if status is None:
            raise RuntimeError("a fault of ours")
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def send(message: Any) -> None:
        """Take it."""

    scope = {"type": "http", "method": method, "path": "/runs/x", "scheme": "http"}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in headers]
    asyncio.run(Traced(app)(scope, None, send))
    assert here() is None
    return seen[0]


def test_every_request_is_counted_by_route_and_status() -> None:
    counted = Recorded(HTTP_DURATION)
    asked()
    asked(status=404, method="BREW")
    with pytest.raises(RuntimeError):
        asked(status=None)
    route = "/runs/{run_id:str}"
    numbers = {values: number for values, (number, _) in counted.since().items()}
    assert numbers == {
        ("GET", route, "200", "http"): 1,
        ("_OTHER", route, "404", "http"): 1,
        ("GET", route, "500", "http"): 1,
    }


def test_without_a_sink_the_callers_context_is_handed_on_as_it_came() -> None:
    assert asked() is None
    assert asked(("traceparent", CALLER), ("tracestate", "a=1")) == parse({"traceparent": CALLER, "tracestate": "a=1"})


def test_with_a_sink_a_request_is_a_span_below_the_callers(sink: Sink) -> None:
    context = asked(("traceparent", CALLER), status=503)
    [span] = sink.spans
    caller = parse({"traceparent": CALLER})
    assert caller is not None
    assert (span.context, span.parent) == (context, caller)
    assert span.context.trace_id == caller.trace_id
    assert span.context.span_id != caller.span_id
    assert (span.name, span.kind, span.fault) == ("GET /runs/{run_id:str}", "server", "answered 503")
    assert span.attributes["http.response.status_code"] == 503
    assert span.ended_at >= span.started_at


def test_with_a_sink_a_request_without_context_begins_a_trace(sink: Sink) -> None:
    context = asked()
    [span] = sink.spans
    assert (span.context, span.parent, span.fault) == (context, None, None)


def test_several_contexts_are_as_good_as_none() -> None:
    parents = [(b"traceparent", CALLER.encode())] * 2
    assert carrier_of(parents) == {}
    states = [(b"tracestate", b"a=1"), (b"tracestate", b"b=2")]
    assert carrier_of([*parents[:1], *states]) == {"traceparent": CALLER, "tracestate": "a=1,b=2"}
