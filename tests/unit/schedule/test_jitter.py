"""Jitter by hash: within its bounds, spread over them, and the same whenever it is asked for."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.schedule import jitter_offset
from tests.unit.schedule.scanner import utc

moments = st.timedeltas(timedelta(0), timedelta(days=130 * 365)).map(lambda since: utc("1970-01-01") + since)


@settings(deadline=None)
@given(st.text(), moments, st.floats(0, 86_400))
def test_within_bounds_and_stable(key: str, nominal: datetime, seconds: float) -> None:
    offset = jitter_offset(key, nominal, seconds)
    assert timedelta(0) <= offset <= timedelta(seconds=seconds)
    assert offset == jitter_offset(key, nominal, seconds)


def test_the_same_in_every_version_of_the_program() -> None:
    """A change here would move firings that databases already hold."""
    assert jitter_offset("w/nightly", utc("2026-05-01T02:00"), 120) == timedelta(seconds=107, microseconds=795_474)


def test_spread_evenly_over_triggers_and_over_times() -> None:
    one_time = [jitter_offset(f"w/{n}", utc("2026-05-01"), 100) for n in range(2000)]
    one_trigger = [jitter_offset("w/t", utc("2026-05-01") + timedelta(hours=n), 100) for n in range(2000)]
    for offsets in (one_time, one_trigger):
        for tenth in range(10):
            inside = sum(timedelta(seconds=10 * tenth) <= item < timedelta(seconds=10 * tenth + 10) for item in offsets)
            assert 150 < inside < 250


def test_no_jitter_is_no_delay() -> None:
    assert jitter_offset("w/t", utc("2026-05-01"), 0) == timedelta(0)
