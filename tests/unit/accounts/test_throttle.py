"""How long the next try of a password waits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.accounts.throttle import FREE, KEPT, LONGEST_WAIT, Failures, waits_until, with_one_more

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(FREE - 1, 0), (FREE, 1), (FREE + 1, 2), (FREE + 5, 32), (FREE + 10, 900), (10**9, 900)],
)
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(count: int, seconds: int) -> None:
    failures = Failures(count, NOW)
    assert waits_until(failures, NOW) == (NOW + timedelta(seconds=seconds) if seconds else None)
    assert waits_until(failures, NOW + timedelta(seconds=seconds)) is None


def test_what_failed_a_day_ago_is_forgotten() -> None:
    old = Failures(50, NOW - KEPT)
    assert waits_until(old, NOW) is None
    assert with_one_more(old, NOW) == Failures(1, NOW)
    assert with_one_more(None, NOW) == Failures(1, NOW)


@given(st.lists(st.floats(0, 2_000), min_size=1, max_size=200))
def test_whoever_keeps_trying_gets_few_tries_a_day(pauses: list[float]) -> None:
    """Property: in any day there are the free tries, the doublings, and one each quarter of an hour."""
    failures, now, tries = None, NOW, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        if waits_until(failures, now) is None:
            failures = with_one_more(failures, now)
            tries.append(now)
    most = FREE + 10 + KEPT / LONGEST_WAIT + 1
    assert all(sum(1 for at in tries if start <= at < start + KEPT) <= most for start in tries)
