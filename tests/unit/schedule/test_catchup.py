"""What a schedule does when it is due: in time, late, and after an outage."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.model import Catchup, CronTrigger, EveryTrigger, Schedule
from engine.schedule import Due, Verdict, due, fires_between, next_times
from engine.schedule.catchup import CATCHUP_FIRINGS_MAX, SETTLED_MAX
from tests.unit.schedule.scanner import utc

FIRST = utc("2026-05-01T00:00")
HOURLY = CronTrigger(expressions=("0 * * * *",))


def settled(trigger: Schedule, now: datetime, first: datetime = FIRST) -> Due:
    return due(trigger, first, now, FIRST, "w/t")


def words(found: Due) -> list[str]:
    return [f"{item.nominal:%H} {item.verdict}" for item in found.settled]


def hourly(catchup: Catchup) -> CronTrigger:
    return CronTrigger(expressions=HOURLY.expressions, catchup=catchup)


@pytest.mark.parametrize("catchup", Catchup)
def test_in_time_a_firing_runs_whatever_the_mode(catchup: Catchup) -> None:
    found = settled(hourly(catchup), FIRST + timedelta(seconds=1))
    assert words(found) == ["00 run"]
    assert found.next_fire_time == found.next_at == utc("2026-05-01T01:00")


@pytest.mark.parametrize("catchup", Catchup)
def test_a_restart_of_a_minute_is_not_an_outage(catchup: Catchup) -> None:
    assert words(settled(hourly(catchup), FIRST + timedelta(seconds=60))) == ["00 run"]


@pytest.mark.parametrize(
    ("catchup", "expected"),
    [
        (Catchup.NONE, ["00 skipped", "01 skipped", "02 skipped"]),
        (Catchup.LATEST, ["00 skipped", "01 skipped", "02 caught_up"]),
        (Catchup.ALL, ["00 caught_up", "01 caught_up", "02 caught_up"]),
    ],
)
def test_after_an_outage(catchup: Catchup, expected: list[str]) -> None:
    found = settled(hourly(catchup), utc("2026-05-01T02:40"))
    assert words(found) == expected
    assert found.next_fire_time == utc("2026-05-01T03:00")
    assert all(item.message for item in found.settled if not item.fires)


@pytest.mark.parametrize("catchup", Catchup)
def test_an_outage_that_ends_as_a_time_comes_still_runs_that_time(catchup: Catchup) -> None:
    assert words(settled(hourly(catchup), utc("2026-05-01T02:00:02")))[-1] == "02 run"


@pytest.mark.parametrize("catchup", Catchup)
def test_a_hiccup_of_seconds_misses_nothing(catchup: Catchup) -> None:
    found = settled(EveryTrigger(every_seconds=1, catchup=catchup), FIRST + timedelta(seconds=4))
    assert [item.verdict for item in found.settled] == [Verdict.RUN] * 5


def test_nothing_is_due_before_its_time() -> None:
    found = settled(HOURLY, FIRST - timedelta(microseconds=1))
    assert found == Due((), FIRST, FIRST)


def test_catching_up_on_all_stops_at_a_hundred_and_records_what_it_drops() -> None:
    found = settled(hourly(Catchup.ALL), FIRST + timedelta(hours=149, minutes=30))
    assert Counter(item.verdict for item in found.settled) == {Verdict.DROPPED: 50, Verdict.CAUGHT_UP: 100}
    assert [item.nominal for item in found.settled] == [FIRST + timedelta(hours=hour) for hour in range(150)]
    assert not any(item.fires for item in found.settled[:50])


@pytest.mark.parametrize("trigger", [EveryTrigger(every_seconds=1), CronTrigger(expressions=("* * * * * *",))])
@pytest.mark.parametrize("catchup", Catchup)
def test_an_outage_of_a_year_of_seconds_is_settled_within_bounds(trigger: Schedule, catchup: Catchup) -> None:
    trigger = type(trigger)(**{**_fields(trigger), "catchup": catchup})
    now = FIRST + timedelta(days=365)
    found = settled(trigger, now)
    assert len(found.settled) == SETTLED_MAX + 1
    assert found.settled[0].nominal == FIRST
    assert "all times from this one until" in found.settled[0].message
    assert [item.nominal for item in found.settled[1:]] == [
        now - timedelta(seconds=back) for back in reversed(range(SETTLED_MAX))
    ]
    assert sum(item.fires for item in found.settled) == (CATCHUP_FIRINGS_MAX if catchup is Catchup.ALL else 6)
    assert found.next_fire_time == now + timedelta(seconds=1)


def test_after_the_last_time_there_is_no_next() -> None:
    trigger = CronTrigger(expressions=("0 * * * *",), ends_at=FIRST + timedelta(hours=1))
    found = settled(trigger, FIRST)
    assert (words(found), found.next_fire_time, found.next_at) == (["00 run"], None, None)


def test_a_recorded_time_that_the_schedule_no_longer_has_still_fires_once() -> None:
    odd = FIRST + timedelta(minutes=20)  # the zone's rules changed after it was recorded
    found = settled(HOURLY, odd, first=odd)
    assert [(item.nominal, item.verdict) for item in found.settled] == [(odd, Verdict.RUN)]
    assert found.next_fire_time == FIRST + timedelta(hours=1)


def test_jitter_delays_the_firing_and_not_the_nominal_time() -> None:
    trigger = CronTrigger(expressions=("0 * * * *",), jitter_seconds=600)
    fire_time, next_at = next_times(trigger, FIRST, FIRST - timedelta(seconds=1), "w/t")
    assert fire_time == FIRST
    assert FIRST < next_at < FIRST + timedelta(seconds=600)
    assert settled(trigger, next_at - timedelta(microseconds=1)) == Due((), fire_time, next_at)
    assert words(settled(trigger, next_at)) == ["00 run"]


@settings(deadline=None)
@given(
    st.sampled_from([1, 7, 60]),
    st.sampled_from([0.0, 5.0, 90.0, 600.0]),
    st.sampled_from(list(Catchup)),
    st.lists(st.integers(1, 900), min_size=1, max_size=8),
)
def test_every_time_is_settled_once_and_in_order(every: int, jitter: float, catchup: Catchup, waits: list[int]) -> None:
    """However often the scheduler looks, what it settles is each nominal time, once, and never before its time."""
    trigger = EveryTrigger(every_seconds=every, jitter_seconds=jitter, catchup=catchup)
    now, next_fire_time, seen = FIRST, FIRST, []
    for wait in waits:
        now += timedelta(seconds=wait)
        found = settled(trigger, now, first=next_fire_time)
        assert all(item.nominal <= now for item in found.settled)
        assert found.next_at > now
        seen += [item.nominal for item in found.settled if "all times from this one" not in item.message]
        next_fire_time = found.next_fire_time
    nominal = [item.nominal for item in fires_between(trigger, FIRST, next_fire_time, 10_000, anchor=FIRST)]
    assert seen == sorted(set(seen))
    assert set(seen) <= set(nominal)
    if max(waits) + jitter < SETTLED_MAX * every:
        assert seen == nominal


@settings(deadline=None)
@given(st.integers(0, 80), st.sampled_from(list(Catchup)))
def test_a_scheduler_that_keeps_up_runs_everything_with_jitter_too(seed: int, catchup: Catchup) -> None:
    """Where jitter is longer than the interval, an earlier firing may hold up a later one; that is not missing it."""
    trigger = EveryTrigger(every_seconds=60, jitter_seconds=600, catchup=catchup)
    key, now, next_fire_time = f"w/{seed}", FIRST, FIRST
    for _ in range(15):
        found = due(trigger, next_fire_time, now, FIRST, key)
        assert all(item.verdict is Verdict.RUN for item in found.settled)
        next_fire_time, now = found.next_fire_time, found.next_at


def _fields(trigger: Schedule) -> dict:
    return {name: getattr(trigger, name) for name in trigger.__struct_fields__}
