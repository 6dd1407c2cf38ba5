"""Spans: what was done from when to when, for whom. They are told to a sink, where one is switched on.

The span of a run, of a task run and of an attempt has an id made from its name, and so has the trace of a run that
nobody's request began. So each process says its own part without asking another, and what is said twice, after a crash,
is the same span.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Final, Protocol

from engine.telemetry.context import SAMPLED, TraceContext, parse

RUN_ID_LENGTH: Final = 36

Attributes = Mapping[str, str | int | float | bool]


class SpanKind(StrEnum):
    """What a span is to the one above it (https://opentelemetry.io/docs/specs/otel/trace/api/#spankind)."""

    INTERNAL = "internal"
    SERVER = "server"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span that has ended. `fault` says why it failed; None: it did not."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    started_at: datetime
    ended_at: datetime
    attributes: Attributes = field(default_factory=dict)
    kind: SpanKind = SpanKind.INTERNAL
    fault: str | None = None


class Sink(Protocol):
    """Takes spans, and says which traces are wanted. Any thread may call."""

    def flags(self, trace_id: str, parent: TraceContext | None) -> int:
        """Return the flags of a span of that trace below `parent`: whether it is sampled."""

    def record(self, span: Span) -> None:
        """Take a span. Neither blocks nor raises."""


_sink: Sink | None = None


def tell(sink: Sink | None) -> None:
    """Tell spans to this sink from now on; None: to nobody."""
    global _sink  # noqa: PLW0603 - one for the process, as its log is
    _sink = sink


def told() -> bool:
    """Whether anybody listens: it is not worth making a span otherwise."""
    return _sink is not None


def record(span: Span) -> None:
    """Tell a span to the sink."""
    if _sink is not None:
        _sink.record(span)


def below(parent: TraceContext, span_id: str) -> TraceContext:
    """Return the context of a span below `parent`."""
    return TraceContext(parent.trace_id, span_id, _flags(parent.trace_id, parent, parent.flags), parent.state)


def root(trace_id: str, span_id: str) -> TraceContext:
    """Return the context of a trace's first span.

    Where nobody listens here it counts as sampled: whether a task's own spans are recorded is then the task's choice.
    """
    return TraceContext(trace_id, span_id, _flags(trace_id, None, SAMPLED))


def _flags(trace_id: str, parent: TraceContext | None, otherwise: int) -> int:
    return otherwise if _sink is None else _sink.flags(trace_id, parent)


def of_run(run_id: str, carrier: Mapping[str, str]) -> TraceContext:
    """Return the context of a run's span. `carrier` is what made the run; empty: the run's trace is its own."""
    return _part(run_id, run_id, carrier)


def of_task_run(task_run_id: str, carrier: Mapping[str, str]) -> TraceContext:
    """Return the context of a task run's span. `carrier` is what made its run."""
    return _part(task_run_id[:RUN_ID_LENGTH], task_run_id, carrier)


def of_attempt(name: str, carrier: Mapping[str, str]) -> TraceContext:
    """Return the context of an attempt's span. `carrier` is what made its run."""
    return _part(name[:RUN_ID_LENGTH], name, carrier)


def _part(run_id: str, name: str, carrier: Mapping[str, str]) -> TraceContext:
    """Return the context of a part of a run. It is sampled as the run is: samplers go by the trace and the parent."""
    parent = parse(carrier) if carrier else None
    span_id = _named(name, 8)
    return root(_named(f"trace:{run_id}", 16), span_id) if parent is None else below(parent, span_id)


def above(attempt: TraceContext, task_run_id: str) -> TraceContext:
    """Return the context of the task run's span from that of its attempt's: it is of the same trace."""
    return TraceContext(attempt.trace_id, _named(task_run_id, 8), attempt.flags, attempt.state)


def _named(name: str, size: int) -> str:
    """Return an id of that many bytes, spread evenly: samplers look at the last ones."""
    return blake2b(name.encode(), digest_size=size).hexdigest()
