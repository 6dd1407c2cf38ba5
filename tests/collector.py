"""An OTLP receiver: takes what exporters send over HTTP and decodes it with OpenTelemetry's own protobuf classes."""

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1 import trace_pb2 as proto

WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Received:
    """A span as it came over the wire, ids in hex; `service` is its resource's `service.name`."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    seconds: float
    fault: str | None
    attributes: dict[str, Any]


@dataclass
class Collector:
    """Listens on a free port of this machine. Use as a context manager."""

    spans: list[Received] = field(default_factory=list)
    metrics: dict[str, Metric] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._news = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="collector", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def wait(self, enough: Callable[["Collector"], bool]) -> None:
        """Wait until what has come is enough."""
        with self._news:
            if not self._news.wait_for(lambda: enough(self), WAIT_SECONDS):
                raise AssertionError(f"not enough came: {[span.name for span in self.spans]}, {list(self.metrics)}")

    def named(self, name: str) -> Received:
        """Return the one span of that name."""
        [found] = [span for span in self.spans if span.name == name]
        return found

    def _take(self, path: str, body: bytes) -> bytes | None:
        with self._news:
            self._news.notify_all()
            if path == "/v1/traces":
                self._take_spans(ExportTraceServiceRequest.FromString(body))
                return ExportTraceServiceResponse().SerializeToString()
            if path == "/v1/metrics":
                self._take_metrics(ExportMetricsServiceRequest.FromString(body))
                return ExportMetricsServiceResponse().SerializeToString()
        return None

    def _take_spans(self, request: ExportTraceServiceRequest) -> None:
        for of in request.resource_spans:
            resource = _plain(of.resource.attributes)
            self.resources.append(resource)
            self.spans += [_span(resource["service.name"], each) for scope in of.scope_spans for each in scope.spans]

    def _take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for of in request.resource_metrics:
            self.resources.append(_plain(of.resource.attributes))
            self.metrics |= {each.name: each for scope in of.scope_metrics for each in scope.metrics}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.headers["content-type"] == "application/x-protobuf"
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                answer = collector._take(self.path, body)
                self.send_response(404 if answer is None else 200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer or b"")))
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _span(service: str, span: proto.Span) -> Received:
    return Received(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=span.kind,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        fault=span.status.message if span.status.code == proto.Status.STATUS_CODE_ERROR else None,
        attributes=_plain(span.attributes),
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each) for each in attributes}


def _value(pair: KeyValue) -> Any:
    value: AnyValue = pair.value
    return getattr(value, value.WhichOneof("value") or "string_value")
