"""Requests measured: their duration counted, their trace taken up and, where that is switched on, told as a span."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message

from engine.telemetry import spans
from engine.telemetry.context import (
    TRACEPARENT,
    TRACESTATE,
    TraceContext,
    new_span_id,
    new_trace_id,
    parse,
    within,
)
from engine.telemetry.instruments import HTTP_DURATION

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
OTHER: Final = "_OTHER"
"""What the conventions have for a method that they do not know."""


class Traced:
    """What stands around the whole application, so that what it refuses is counted as well as what it answers.

    What a request makes belongs to the request's trace.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve, and measure."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request = _Request(scope, parse(carrier_of(scope["headers"])))

        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
            await send(message)

        try:
            with within(request.context):
                await self._app(scope, receive, watching)
        finally:
            request.end()


class _Request:
    """One request on its way. Without a sink its context is the caller's: handed on as it came."""

    def __init__(self, scope: HTTPScope, parent: TraceContext | None) -> None:
        self._scope = scope
        self._parent = parent
        self._began = time.perf_counter()
        self._began_at = datetime.now(UTC)
        self.status = 500
        self.context = parent
        if spans.told():
            span_id = new_span_id()
            self.context = spans.root(new_trace_id(), span_id) if parent is None else spans.below(parent, span_id)

    def end(self) -> None:
        """Count it, and tell its span."""
        scope = self._scope
        method = scope["method"] if scope["method"] in METHODS else OTHER
        route, scheme = str(scope.get("path_template", "")), scope["scheme"]
        HTTP_DURATION.record(time.perf_counter() - self._began, method, route, str(self.status), scheme)
        if self.context is None or not spans.told():
            return
        span = spans.Span(
            name=f"{method} {route}".strip(),
            context=self.context,
            parent=self._parent,
            started_at=self._began_at,
            ended_at=datetime.now(UTC),
            attributes={
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": self.status,
                "url.path": scope["path"],
                "url.scheme": scheme,
            },
            kind=spans.SpanKind.SERVER,
            fault=f"answered {self.status}" if self.status >= 500 else None,
        )
        spans.record(span)


def carrier_of(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the trace context in a request's headers. Several `traceparent` are as good as none, by the rules."""
    parents = [value for name, value in headers if name == TRACEPARENT.encode()]
    states = [value for name, value in headers if name == TRACESTATE.encode()]
    if len(parents) != 1:
        return {}
    return {TRACEPARENT: parents[0].decode("latin-1").strip(), TRACESTATE: b",".join(states).decode("latin-1")}
