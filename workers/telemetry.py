"""What a worker tells about itself: its slots, what it holds, its claims, and its attempts with their traces."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.broker.messages import Finished, Grant, Refused
from engine.telemetry import attributes as names
from engine.telemetry import spans
from engine.telemetry.context import TraceContext, parse, within
from engine.telemetry.instruments import CLAIM_DURATION, WORKER_ATTEMPT_DURATION, WORKER_HELD, WORKER_SLOTS
from engine.telemetry.logs import about
from workers.held import Held
from workers.runners.interface import run_id_of


class Gauges:
    """A worker's slots and what it holds, from `start` to `stop`."""

    def __init__(self, slots: int, held: Held) -> None:
        self._slots = slots
        self._held = held
        self._ends: list[Callable[[], None]] = []

    def start(self) -> None:
        """Have them asked from now on."""
        self._ends = [
            WORKER_SLOTS.observe(lambda: [(self._slots, ())]),
            WORKER_HELD.observe(lambda: [(len(self._held.claims()), ())]),
        ]

    def stop(self) -> None:
        """Have them asked no more. Idempotent."""
        while self._ends:
            self._ends.pop()()


def count_claim(seconds: float, answer: Grant | Refused | None) -> None:
    """Count a claim by what came of it."""
    match answer:
        case Grant():
            CLAIM_DURATION.record(seconds, "granted")
        case Refused():
            CLAIM_DURATION.record(seconds, "refused")
        case None:
            CLAIM_DURATION.record(seconds, "unanswered")


@contextmanager
def attempting(grant: Grant) -> Iterator[None]:
    """Have what the worker logs meanwhile say which attempt it is about."""
    with within(parse(grant.trace)), about(run=run_id_of(grant.attempt), task=_task(grant), attempt=grant.attempt):
        yield


def environment_of(grant: Grant) -> dict[str, str]:
    """Return the attempt's environment: its trace context, in capitals, and over it what it was granted."""
    return {name.upper(): value for name, value in grant.trace.items()} | grant.env


def ended(grant: Grant, finished: Finished, pool: str, worker: str) -> None:
    """Count an attempt by how it ended, and tell its span."""
    seconds = (finished.finished_at - finished.started_at).total_seconds()
    WORKER_ATTEMPT_DURATION.record(seconds, grant.kind, finished.state, finished.reason or "")
    context = parse(grant.trace)
    if context is not None and spans.told():
        spans.record(_span(grant, finished, context, {names.POOL: pool, names.WORKER: worker}))


def _span(grant: Grant, finished: Finished, context: TraceContext, where: spans.Attributes) -> spans.Span:
    task_run, _, number = grant.attempt.rpartition(":")
    return spans.Span(
        name=f"attempt {_task(grant)}",
        context=context,
        parent=spans.above(context, task_run),
        started_at=finished.started_at,
        ended_at=finished.finished_at,
        attributes={
            names.RUN: run_id_of(grant.attempt),
            names.TASK_RUN: task_run,
            names.TASK: _task(grant),
            names.TASK_KIND: grant.kind,
            names.ATTEMPT: int(number),
            names.ATTEMPT_STATE: finished.state,
            **where,
            **({names.REASON: finished.reason} if finished.reason else {}),
            **({names.EXIT_CODE: finished.exit_code} if finished.exit_code is not None else {}),
        },
        kind=spans.SpanKind.CONSUMER,
        fault=(finished.message or finished.reason or "failed") if finished.state == "failed" else None,
    )


def _task(grant: Grant) -> str:
    return grant.env.get("CHRONOVERSE_TASK", "")
