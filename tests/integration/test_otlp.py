"""Spans over the wire: what is sampled, by the standard variables, and that all of a run goes the same way."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine.settings import Settings
from engine.telemetry import spans
from engine.telemetry.context import TraceContext, parse
from engine.telemetry.process import exporting
from tests.collector import Collector

RUNS = [f"01890000-0000-7000-8000-{number:012}" for number in range(200)]
NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/v1/traces")
        yield collector


def tell(name: str, context: TraceContext, parent: TraceContext | None, fault: str | None = None) -> None:
    span = spans.Span(
        name=name, context=context, parent=parent, started_at=NOW, ended_at=NOW, attributes={"n": 1}, fault=fault
    )
    spans.record(span)


def tell_run(run_id: str, carrier: dict[str, str]) -> None:
    """Tell a run as its processes do: each part by itself, the innermost first."""
    run, task = spans.of_run(run_id, carrier), spans.of_task_run(f"{run_id}-0", carrier)
    attempt = spans.of_attempt(f"{run_id}-0:1", carrier)
    tell("attempt", attempt, spans.above(attempt, f"{run_id}-0"))
    tell("task", task, run, "it failed")
    tell("run", run, parse(carrier))


def test_a_run_is_sampled_whole_or_not_at_all(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    with exporting(Settings.read({}), "test"):
        for run_id in RUNS:
            tell_run(run_id, {})
        handed_on = {spans.of_attempt(f"{run_id}-0:1", {}) for run_id in RUNS}
    parts = defaultdict(set)
    for span in collector.spans:
        parts[span.trace_id].add(span.name)
    assert all(found == {"run", "task", "attempt"} for found in parts.values())
    assert 60 < len(parts) < 140
    assert parts.keys() == {context.trace_id for context in handed_on if context.sampled}


def test_what_is_told_is_what_arrives(collector: Collector) -> None:
    caller = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1"}
    with exporting(Settings.read({}), "test"):
        tell_run(RUNS[0], caller)
    task, attempt, run = collector.named("task"), collector.named("attempt"), collector.named("run")
    assert {span.trace_id for span in collector.spans} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    assert (attempt.parent_id, task.parent_id, run.parent_id) == (task.span_id, run.span_id, "00f067aa0ba902b7")
    assert (task.fault, run.fault, task.attributes) == ("it failed", None, {"n": 1})
    assert collector.metrics == {}, "only traces were asked for"


def test_a_collector_that_refuses_keeps_nothing_from_going_on(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/nothing/here")
    with exporting(Settings.read({}), "test"):
        tell_run(RUNS[0], {})
    assert collector.spans == []
    assert len(collector.headers) == 1, "it was asked, once: what it refuses is not sent again"
    assert not spans.told()
