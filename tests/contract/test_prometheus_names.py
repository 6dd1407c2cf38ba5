"""Our names for Prometheus are those of OpenTelemetry's own exporter, fed with the same numbers."""

from collections.abc import Iterator

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engine.telemetry.instruments import INSTRUMENTS
from engine.telemetry.otlp import enter
from engine.telemetry.prometheus import exposition
from engine.telemetry.recording import Counter, Histogram, Instrument, Observed

Sample = tuple[str, frozenset[tuple[str, str]]]


def like(instrument: Instrument) -> Instrument:
    """A fresh instrument with the same description."""
    described = (instrument.name, instrument.unit, instrument.meaning, instrument.attributes)
    match instrument:
        case Counter():
            return Counter(*described)
        case Histogram():
            return Histogram(*described, bounds=instrument.bounds)
        case _:
            return Observed(instrument.kind, *described)


def recorded(instrument: Instrument) -> None:
    values = tuple(f"value {number}" for number in range(len(instrument.attributes)))
    match instrument:
        case Counter():
            instrument.add(3, *values)
        case Histogram():
            for value in (0.001, 0.3, 2, 1e9):
                instrument.record(value, *values)
        case Observed():
            instrument.observe(lambda: [(7, values)])


def samples(text: str) -> Iterator[tuple[Sample, tuple[str, str, float]]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            yield key, (family.type, family.documentation, sample.value)


@pytest.mark.parametrize("described", INSTRUMENTS, ids=lambda each: each.name)
def test_both_say_the_same(described: Instrument) -> None:
    instrument, registry = like(described), CollectorRegistry()
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=registry)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    enter(provider.get_meter("test"), [instrument])
    recorded(instrument)
    theirs, ours = generate_latest(registry).decode(), exposition("", [instrument])[0].decode()
    provider.shutdown()
    assert dict(samples(ours)) == dict(samples(theirs))
    assert dict(samples(ours))
