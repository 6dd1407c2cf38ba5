"""Spans and numbers pushed to a collector by OTLP, over HTTP. Imported only where that is switched on.

All is read from OpenTelemetry's own variables: where to (`OTEL_EXPORTER_OTLP_…`), how much (`OTEL_TRACES_SAMPLER`), how
often (`OTEL_BSP_…`, `OTEL_METRIC_EXPORT_…`), as what (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`).
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final
from uuid import uuid4

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.trace import SpanKind as SdkKind
from opentelemetry.trace.span import TraceState
from opentelemetry.trace.status import Status, StatusCode

from engine.telemetry.context import SAMPLED, TraceContext
from engine.telemetry.instruments import INSTRUMENTS
from engine.telemetry.recording import OVERFLOW, Distribution, Histogram, Instrument, Kind, Point, Values
from engine.telemetry.spans import Span, SpanKind

SCOPE: Final = "chronoverse"
QUEUED_SPANS_MAX: Final = 8192
"""Spans that wait to be sent, unless `OTEL_BSP_MAX_QUEUE_SIZE` says another number: a large fan-out ends at once."""
END_SECONDS: Final = 5.0
"""How long the end of the process waits for the collector to take the rest."""

_KINDS: Final = {
    SpanKind.INTERNAL: SdkKind.INTERNAL,
    SpanKind.SERVER: SdkKind.SERVER,
    SpanKind.CONSUMER: SdkKind.CONSUMER,
}


def resource(role: str) -> Resource:
    """Return what this process is, by its role (empty: all of them); what the variables say of it wins."""
    given = OTELResourceDetector().detect().attributes
    ours = {
        "service.name": f"chronoverse-{role}" if role else "chronoverse",
        "service.version": _version(),
        "service.instance.id": str(uuid4()),
    }
    return Resource.create({name: value for name, value in ours.items() if name not in given})


class OtlpSpans:
    """Sends spans: a sink of `engine.telemetry.spans`."""

    def __init__(self, of: Resource) -> None:
        self._ids = _GivenIds()
        self._provider = TracerProvider(resource=of, id_generator=self._ids, shutdown_on_exit=False)
        most = None if os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE") else QUEUED_SPANS_MAX
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=most))
        self._tracer = self._provider.get_tracer(SCOPE, _version())

    def flags(self, trace_id: str, parent: TraceContext | None) -> int:
        """Return the flags of a span below `parent`, as the sampler decides."""
        context = None if parent is None else _context(parent)
        decided = self._provider.sampler.should_sample(context, int(trace_id, 16), "").decision
        others = 0 if parent is None else parent.flags & ~SAMPLED
        return others | (SAMPLED if decided is Decision.RECORD_AND_SAMPLE else 0)

    def record(self, span: Span) -> None:
        """Put the span in line to be sent, if its trace is sampled."""
        self._ids.give(span.context)
        made = self._tracer.start_span(
            span.name,
            context=Context() if span.parent is None else _context(span.parent),
            kind=_KINDS[span.kind],
            attributes=span.attributes,
            start_time=_nanoseconds(span.started_at),
        )
        if span.fault is not None:
            made.set_status(Status(StatusCode.ERROR, span.fault))
        made.end(_nanoseconds(span.ended_at))

    def close(self) -> None:
        """Send the rest, and end. Waits for the collector; see `in_time`."""
        self._provider.shutdown()


class OtlpNumbers:
    """Sends what the instruments show, from `start` to `close`."""

    def __init__(self, of: Resource, instruments: Sequence[Instrument] = INSTRUMENTS) -> None:
        self._instruments = instruments
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        self._provider = MeterProvider([reader], resource=of, shutdown_on_exit=False)

    def start(self) -> None:
        """Send from now on."""
        enter(self._provider.get_meter(SCOPE, _version()), self._instruments)

    def close(self) -> None:
        """Send once more, and end. Waits for the collector; see `in_time`."""
        self._provider.shutdown()
        for instrument in self._instruments:
            if isinstance(instrument, Histogram):
                instrument.forward = None


def enter(meter: Meter, instruments: Iterable[Instrument]) -> None:
    """Make each instrument known to the SDK, under its own name."""
    for each in instruments:
        described = {"unit": each.unit, "description": each.meaning}
        match each.kind:
            case Kind.HISTOGRAM:
                assert isinstance(each, Histogram)
                made = meter.create_histogram(
                    each.name, **described, explicit_bucket_boundaries_advisory=list(each.bounds)
                )
                each.forward = _forward(each, made.record)
            case Kind.COUNTER:
                meter.create_observable_counter(each.name, [_observations(each)], **described)
            case Kind.UP_DOWN_COUNTER:
                meter.create_observable_up_down_counter(each.name, [_observations(each)], **described)
            case Kind.GAUGE:
                meter.create_observable_gauge(each.name, [_observations(each)], **described)


def _forward(instrument: Instrument, record: Callable[..., None]) -> Callable[[float, Values], None]:
    names = instrument.attributes

    def forward(value: float, values: Values) -> None:
        record(value, {name: str(value) for name, value in zip(names, values, strict=True)})

    return forward


def _observations(instrument: Instrument) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def read(_: CallbackOptions) -> Iterable[Observation]:
        for point in instrument.points():
            assert not isinstance(point.value, Distribution)
            yield Observation(point.value, _attributes(instrument, point))

    return read


def _attributes(instrument: Instrument, point: Point) -> dict[str, Any]:
    if point.overflow:
        return {OVERFLOW: True}
    return {name: str(value) for name, value in zip(instrument.attributes, point.values, strict=True)}


class _GivenIds(IdGenerator):
    """Hands the SDK the ids that a span of ours has already; each thread's own."""

    def __init__(self) -> None:
        self._local = threading.local()

    def give(self, context: TraceContext) -> None:
        self._local.context = context

    def generate_span_id(self) -> int:
        return int(self._local.context.span_id, 16)

    def generate_trace_id(self) -> int:
        return int(self._local.context.trace_id, 16)


def _context(of: TraceContext) -> Context:
    state = TraceState.from_header([of.state]) if of.state else None
    found = SpanContext(int(of.trace_id, 16), int(of.span_id, 16), True, TraceFlags(of.flags), state)  # noqa: FBT003
    return set_span_in_context(NonRecordingSpan(found), Context())


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000


def in_time(ends: Sequence[Callable[[], object]], seconds: float = END_SECONDS) -> None:
    """Call all at once, and wait no longer than that: what a collector has not taken by then is lost."""

    def quietly(end: Callable[[], object]) -> None:
        with suppress(Exception):  # the process ends; the SDK has said what it has to say
            end()

    threads = [threading.Thread(target=quietly, args=(end,), name="telemetry-end", daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    last = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(last - time.monotonic(), 0.0))


def _version() -> str:
    try:
        return version("chronoverse")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
