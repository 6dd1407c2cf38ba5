"""What is served is what Prometheus reads, by its own parsers."""

import math

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from engine.telemetry.instruments import INSTRUMENTS
from engine.telemetry.prometheus import exposition, family_name, label_name, sample_names
from engine.telemetry.recording import SERIES_MAX, Counter, Histogram, Instrument, Kind, Observed

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(*instruments: Instrument, accept: str = "") -> Samples:
    body, media_type = exposition(accept, instruments)
    parse = open_metrics if media_type.startswith("application/openmetrics-text") else plain
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


def counter() -> Counter:
    counter = Counter("a.count", "{x}", 'Counts "all"\nof it.', ("chronoverse.of",))
    counter.add(3, 'a "quoted"\nname \\')
    return counter


@pytest.mark.parametrize("accept", ["", "text/plain;version=0.0.4", "application/openmetrics-text; version=1.0.0"])
def test_a_counter(accept: str) -> None:
    assert scraped(counter(), accept=accept) == {("a_count_total", (("chronoverse_of", 'a "quoted"\nname \\'),)): 3}


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_a_histogram_is_cumulative(accept: str) -> None:
    histogram = Histogram("a.duration", "s", "Times.", ("of",), bounds=(0.5, 2))
    for value in (0.25, 0.5, 1, 9):
        histogram.record(value, "x")
    found = scraped(histogram, accept=accept)
    buckets = [found["a_duration_seconds_bucket", (("le", bound), ("of", "x"))] for bound in ("0.5", "2.0", "+Inf")]
    assert buckets == [2, 3, 4]
    assert found["a_duration_seconds_count", (("of", "x"),)] == 4
    assert found["a_duration_seconds_sum", (("of", "x"),)] == 10.75


def test_what_is_not_there_has_its_name_and_no_samples() -> None:
    gauge = Observed(Kind.GAUGE, "a.gauge", "{x}", "Asks.")
    body, _ = exposition("", [gauge])
    [family] = plain(body.decode())
    assert (family.name, family.type, family.documentation, family.samples) == ("a_gauge", "gauge", "Asks.", [])


def test_what_is_beyond_the_limit_says_so() -> None:
    counter = Counter("c", "{x}", "Counts.", ("of",))
    for number in range(SERIES_MAX + 1):
        counter.add(1, str(number))
    assert scraped(counter)["c_total", (("otel_metric_overflow", "true"),)] == 1


def test_every_instrument_of_the_table_can_be_read() -> None:
    body, media_type = exposition()
    assert media_type.startswith("text/plain")
    families = {family.name: family for family in plain(body.decode())}
    for instrument in INSTRUMENTS:
        family = families[family_name(instrument)]
        assert family.documentation == instrument.meaning
        for sample in family.samples:
            assert sample.name in sample_names(instrument)
            assert set(sample.labels) - {"le"} <= {*map(label_name, instrument.attributes), "otel_metric_overflow"}
            assert not math.isnan(sample.value)
