"""Trace contexts: which trace something belongs to, and under which span, as W3C Trace Context writes them.

Rules: https://www.w3.org/TR/trace-context. A context travels as a carrier, a mapping with `traceparent` and, where
there is one, `tracestate`: in HTTP headers, in a grant to a worker, and in a task's environment (in capitals, as
OpenTelemetry has it: https://opentelemetry.io/docs/specs/otel/context/env-carriers).
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
SAMPLED: Final = 1
STATE_LENGTH_MAX: Final = 512
"""How much of `tracestate` is handed on: what the rules ask for at least; whole members are cut off beyond."""
STATE_MEMBERS_MAX: Final = 32

_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
_MEMBER: Final = re.compile(
    r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span's place: ids in lower-case hex, flags, and what other systems want handed on."""

    trace_id: str
    span_id: str
    flags: int = SAMPLED
    state: str = ""

    @property
    def sampled(self) -> bool:
        """Whether whoever began the trace may have recorded it."""
        return bool(self.flags & SAMPLED)

    def carrier(self) -> dict[str, str]:
        """Return what travels."""
        carrier = {TRACEPARENT: f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"}
        return carrier | {TRACESTATE: self.state} if self.state else carrier


def parse(carrier: Mapping[str, str]) -> TraceContext | None:
    """Return the context that a carrier holds; None where there is none, or one that the rules have ignored."""
    found = _PARENT.fullmatch(carrier.get(TRACEPARENT, ""))
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, int(flags, 16), _state(carrier.get(TRACESTATE, "")))


def _state(text: str) -> str:
    """Return as much of `tracestate` as is handed on; nothing of one that is not as it should be."""
    members = [member.strip(" \t") for member in text.split(",")]
    members = [member for member in members if member]
    if len(members) > STATE_MEMBERS_MAX or not all(_MEMBER.fullmatch(member) for member in members):
        return ""
    while len(state := ",".join(members)) > STATE_LENGTH_MAX:
        members.pop()
    return state


def of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the carrier in a process's environment; empty where there is none."""
    return {name: found for name in (TRACEPARENT, TRACESTATE) if (found := environment.get(name.upper()))}


def new_span_id() -> str:
    """Return an id that nothing else has."""
    return os.urandom(8).hex()


def new_trace_id() -> str:
    """Return an id that nothing else has."""
    return os.urandom(16).hex()


_current: ContextVar[TraceContext | None] = ContextVar("trace_context", default=None)


@contextmanager
def within(context: TraceContext | None) -> Iterator[None]:
    """Have what happens in this thread, or task, meanwhile belong to `context`."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def here() -> TraceContext | None:
    """Return what is going on belongs to; None where nothing said so."""
    return _current.get()


def carrier_here() -> dict[str, str]:
    """Return what is to travel with what is made here; empty where there is no context."""
    context = _current.get()
    return {} if context is None else context.carrier()
