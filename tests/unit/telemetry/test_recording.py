"""Numbers in memory: what is added is there, bounded, whoever adds it and however often it is read."""

import threading
from collections.abc import Iterator

import pytest

from engine.telemetry.instruments import INSTRUMENTS
from engine.telemetry.recording import SERIES_MAX, Counter, Distribution, Histogram, Kind, Observed, Point


def test_a_counter_adds_up_by_its_attributes() -> None:
    counter = Counter("c", "{x}", "Counts.", ("of",))
    counter.add(1, "a")
    counter.add(2, "a")
    counter.add(0, "b")
    assert counter.points() == [Point(("a",), 3), Point(("b",), 0)]


def test_a_counter_without_attributes_begins_at_nothing() -> None:
    assert Counter("c", "{x}", "Counts.").points() == [Point((), 0)]


def test_a_histogram_counts_a_bound_to_the_bucket_below_it() -> None:
    histogram = Histogram("h", "s", "Times.", bounds=(1, 5))
    for value in (0.5, 1, 1.5, 5, 7, -2):
        histogram.record(value)
    [point] = histogram.points()
    assert point.value == Distribution([3, 2, 1], 15)
    histogram.record(1)
    assert point.value.count == 6, "what was read stays as it was"


def test_what_is_recorded_is_forwarded() -> None:
    histogram = Histogram("h", "s", "Times.", ("of",), bounds=(1,))
    seen: list[object] = []
    histogram.forward = lambda value, values: seen.append((value, values))
    histogram.record(2, "a")
    histogram.record(-1, "b")
    assert seen == [(2, ("a",)), (0, ("b",))]


def test_a_wrong_number_of_attributes_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError, match="has the attributes"):
        Counter("c", "{x}", "Counts.", ("of",)).add(1)


@pytest.mark.parametrize("kind", [Kind.COUNTER, Kind.HISTOGRAM])
def test_beyond_the_limit_all_goes_to_one_place(kind: Kind) -> None:
    counter, histogram = Counter("c", "{x}", "Counts.", ("of",)), Histogram("h", "s", "Times.", ("of",), bounds=(1,))
    for number in range(SERIES_MAX + 10):
        counter.add(1, str(number))
        histogram.record(1, str(number))
    points = (counter if kind is Kind.COUNTER else histogram).points()
    assert len(points) == SERIES_MAX + 1
    [beyond] = [point for point in points if point.overflow]
    assert beyond.value == (10 if kind is Kind.COUNTER else Distribution([10, 0], 10))


def test_sources_are_asked_at_each_reading_until_they_end(caplog: pytest.LogCaptureFixture) -> None:
    gauge = Observed(Kind.GAUGE, "g", "{x}", "Asks.", ("of",))
    numbers = iter(range(9))

    def broken() -> Iterator[tuple[float, tuple[str, ...]]]:
        yield 5, ("b",)
        raise OSError("it is gone")

    end = gauge.observe(lambda: [(next(numbers), ("a",))])
    gauge.observe(broken)
    assert gauge.points() == [Point(("a",), 0)]
    assert "g cannot be read now: it is gone" in caplog.text
    assert gauge.points() == [Point(("a",), 1)]
    end()
    assert gauge.points() == []


def test_threads_lose_nothing() -> None:
    counter, histogram = Counter("c", "{x}", "Counts."), Histogram("h", "s", "Times.", bounds=(1,))

    def work() -> None:
        for _ in range(500):
            counter.add(1)
            histogram.record(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.points() == [Point((), 2000)]
    assert histogram.points() == [Point((), Distribution([2000, 0], 2000))]


def test_the_table_is_in_order() -> None:
    names = [instrument.name for instrument in INSTRUMENTS]
    assert len(names) == len(set(names)) > 20
    for instrument in INSTRUMENTS:
        assert instrument.meaning.endswith((".", ")")), instrument.name
        assert instrument.unit in {"s", "By"} or instrument.unit.startswith("{"), instrument.name
        assert list(getattr(instrument, "bounds", ())) == sorted(getattr(instrument, "bounds", ()))
