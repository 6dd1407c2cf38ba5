"""Percentiles are off by no more than is promised, and putting histograms together loses nothing."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analytics.histogram import ACCURACY, LEAST_SECONDS, Histogram

SECONDS = st.floats(min_value=LEAST_SECONDS, max_value=90 * 86400)
MANY = st.lists(SECONDS, min_size=1, max_size=50)


def of(times: list[float]) -> Histogram:
    made = Histogram()
    for seconds in times:
        made.add(seconds)
    return made


@given(MANY, st.floats(min_value=0.001, max_value=1.0))
def test_a_percentile_is_as_exact_as_promised(times: list[float], share: float) -> None:
    true = sorted(times)[max(ceil(len(times) * share), 1) - 1]
    assert of(times).percentiles(share)[0] == pytest.approx(true, rel=ACCURACY + 1e-9)


@given(MANY, MANY)
def test_two_together_are_what_one_would_have_been(some: list[float], more: list[float]) -> None:
    merged, whole = of(some), of(some + more)
    merged.merge(of(more))
    assert merged.counts == whole.counts
    assert merged.max_seconds == whole.max_seconds
    assert merged.sum_seconds == pytest.approx(whole.sum_seconds)


@given(st.lists(st.floats(min_value=-10, max_value=1e12), max_size=20))
def test_there_are_never_many_buckets(times: list[float]) -> None:
    made = of(times)
    assert made.total == len(times)
    assert all(0 <= bucket <= 600 for bucket in made.counts)


def test_the_mean_and_the_longest_are_exact() -> None:
    made = of([1.0, 2.0, 6.0])
    assert (made.mean_seconds, made.max_seconds) == (3.0, 6.0)
    assert made.percentiles(0.5, 0.9, 1.0)[-1] <= made.max_seconds


def test_clocks_that_differ_count_as_no_time() -> None:
    made = of([-3.0])
    assert (made.total, made.sum_seconds, made.percentiles(0.5)) == (1, 0.0, [0.0])


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Histogram().percentiles(0.5)


@given(MANY)
def test_several_at_once_are_those_of_one_at_a_time(times: list[float]) -> None:
    made, shares = of(times), (0.1, 0.5, 0.9, 0.9, 1.0)
    assert made.percentiles(*shares) == [made.percentiles(share)[0] for share in shares]
