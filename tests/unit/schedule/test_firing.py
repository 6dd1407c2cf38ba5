"""Firing times: the rules that a scan of a window cannot show."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.cron_syntax import ALIASES, CronSyntaxError
from dsl.model import CronTrigger, EveryTrigger, Schedule
from engine.schedule import Firing, fires_between, first_fire, latest_fire, next_fire
from tests.unit.schedule.scanner import utc

START = utc("2026-01-01")
SPREAD_ZONES = ["Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Antarctica/Troll", "UTC"]


def cron(*expressions: str, **fields) -> CronTrigger:
    return CronTrigger(expressions=expressions, **fields)


def shown(trigger: Schedule, start: str, end: str, limit: int = 20) -> list[str]:
    return [f"{item.nominal:%m-%dT%H:%M:%S}" for item in fires_between(trigger, utc(start), utc(end), limit)]


def test_a_range_of_one_hour_fires_once_a_day() -> None:
    assert shown(cron("0 23-23 * * *"), "2026-05-01", "2026-05-04") == [
        "05-01T23:00:00",
        "05-02T23:00:00",
        "05-03T23:00:00",
    ]


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_fires_as_what_it_stands_for(alias: str) -> None:
    span = START, START + timedelta(days=800), 30
    assert fires_between(cron(alias), *span) == fires_between(cron(ALIASES[alias]), *span) != []


def test_several_expressions_fire_in_order_and_once_where_they_meet() -> None:
    trigger = cron("0 12 * * *", "0 6 * * *", "0 6,18 * * *")
    assert shown(trigger, "2026-05-01", "2026-05-02") == ["05-01T06:00:00", "05-01T12:00:00", "05-01T18:00:00"]


def test_both_day_fields_mean_either() -> None:
    days = [text[3:5] for text in shown(cron("0 0 13 * FRI"), "2026-01-01", "2026-02-01")]
    assert days == ["02", "09", "13", "16", "23", "30"]


@pytest.mark.parametrize(
    ("expression", "dates"),
    [
        ("0 0 L * *", ["01-31", "02-28", "03-31"]),
        ("0 0 15W * *", ["01-15", "02-16", "03-16"]),
        ("0 0 1W * *", ["01-01", "02-02", "03-02"]),
        ("0 0 31W * *", ["01-30", "02-27", "03-31"]),
        ("0 0 * * FRI#2", ["01-09", "02-13", "03-13"]),
        ("0 0 * * 1#5", ["03-30"]),
        ("0 0 * * L5", ["01-30", "02-27", "03-27"]),
        ("0 0 L * 1#1", ["01-05", "01-31", "02-02", "02-28", "03-02", "03-31"]),
    ],
)
def test_last_nearest_and_numbered_days(expression: str, dates: list[str]) -> None:
    assert [text[:5] for text in shown(cron(expression), "2026-01-01", "2026-04-01")] == dates


def test_the_nearest_weekday_stays_in_its_month() -> None:
    """The 1st of August 2026 is a Saturday, the 31st of May a Sunday."""
    assert shown(cron("0 0 1W 8 *"), "2026-07-01", "2026-10-01") == ["08-03T00:00:00"]
    assert shown(cron("0 0 31W 5 *"), "2026-05-01", "2026-07-01") == ["05-29T00:00:00"]


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "* * * 31 2 *"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_date_that_never_comes_is_no_firing(expression: str, zone: str) -> None:
    assert next_fire(cron(expression, timezone=zone), START, START) is None


def test_a_leap_day_is_found_eight_years_away() -> None:
    assert next_fire(cron("0 0 29 2 *"), utc("2096-03-01"), START) == Firing(utc("2104-02-29"))


def test_a_time_that_is_skipped_is_told_apart_from_one_that_is_not() -> None:
    berlin = cron("30 2 * * *", "0 3 * * *", timezone="Europe/Berlin")
    firings = fires_between(berlin, utc("2026-03-29"), utc("2026-03-30"), 9)
    assert firings == [Firing(utc("2026-03-29T01:00"), shifted=False)]
    alone = fires_between(cron("30 2 * * *", timezone="Europe/Berlin"), utc("2026-03-29"), utc("2026-03-30"), 9)
    assert alone == [Firing(utc("2026-03-29T01:00"), shifted=True)]


def test_fractions_of_a_second_do_not_repeat_a_firing() -> None:
    trigger = cron("* * * * * *")
    at = utc("2026-01-01T00:00:05")
    for after in (at, at + timedelta(microseconds=1), at + timedelta(microseconds=999_999)):
        assert next_fire(trigger, after, START) == Firing(utc("2026-01-01T00:00:06"))
    assert next_fire(trigger, at - timedelta(microseconds=1), START) == Firing(at)


def test_firings_lie_from_starts_at_up_to_and_without_ends_at() -> None:
    bounds = {"starts_at": utc("2026-02-01"), "ends_at": utc("2026-02-03")}
    for trigger in (cron("@daily", **bounds), EveryTrigger(every_seconds=86_400, **bounds)):
        assert shown(trigger, "2026-01-01", "2026-03-01") == ["02-01T00:00:00", "02-02T00:00:00"]
        assert next_fire(trigger, utc("2026-02-02"), START) is None


def test_every_keeps_its_phase() -> None:
    anchor = utc("2026-01-01T00:07:30")
    often = EveryTrigger(every_seconds=900)
    assert next_fire(often, utc("2026-03-01"), anchor) == Firing(utc("2026-03-01T00:07:30"))
    assert next_fire(often, anchor, anchor) == Firing(anchor + timedelta(minutes=15))
    assert next_fire(often, anchor - timedelta(days=9), anchor) == Firing(anchor)


def test_every_counts_from_starts_at_not_from_its_activation() -> None:
    often = EveryTrigger(every_seconds=900, starts_at=utc("2026-01-01T00:05"))
    assert next_fire(often, utc("2026-02-01"), utc("2026-01-20T00:01")) == Firing(utc("2026-02-01T00:05"))


def test_what_is_not_cron_is_refused() -> None:
    with pytest.raises(CronSyntaxError):
        next_fire(cron("0 25 * * *"), START, START)


@pytest.mark.parametrize("trigger", [cron("* * * * * *"), EveryTrigger(every_seconds=1.5)])
def test_the_ends_of_the_calendar_are_no_firing(trigger: Schedule) -> None:
    end = datetime.max.replace(tzinfo=UTC)
    assert next_fire(trigger, end, START) is None
    assert next_fire(trigger, end - timedelta(seconds=1), START) is None
    assert first_fire(trigger, utc("1900-01-01"), utc("1900-01-01")) is not None


moments = st.timedeltas(timedelta(0), timedelta(days=62 * 365)).map(lambda since: utc("1975-01-01") + since)
expressions = st.sampled_from(
    ["*/7 * * * *", "30 2 * * *", "0 0 * * *", "15 0-3 * * SUN", "59 23 L * *", "*/20 */5 * * * *", "0 12 29 2 *"]
)
cron_triggers = st.builds(
    CronTrigger,
    expressions=st.lists(expressions, min_size=1, max_size=2).map(tuple),
    timezone=st.sampled_from(SPREAD_ZONES),
    gap=st.sampled_from(["shift", "skip"]),
    overlap=st.sampled_from(["first", "last", "both"]),
)
every_triggers = st.builds(EveryTrigger, every_seconds=st.sampled_from([0.25, 1.0, 61.5, 86_400.0]))
schedules = st.one_of(cron_triggers, every_triggers)


@settings(deadline=None)
@given(schedules, moments, moments)
def test_later_moments_have_later_or_the_same_firings(trigger: Schedule, one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    first, second = (next_fire(trigger, moment, START) for moment in (earlier, later))
    assert first is not None
    assert second is not None
    assert earlier < first.nominal <= second.nominal
    assert later < second.nominal
    if first.nominal > later:
        assert first == second


@settings(deadline=None)
@given(schedules, moments, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_the_latest_firing_is_the_last_of_all(trigger: Schedule, start: datetime, span: timedelta) -> None:
    end = start + span
    latest = latest_fire(trigger, start, end, START)
    first = first_fire(trigger, start, START)
    if latest is None:
        assert first is None or first.nominal > end
        return
    assert start <= latest.nominal <= end
    following = next_fire(trigger, latest.nominal, START)
    assert following is None or following.nominal > end
    assert first_fire(trigger, latest.nominal, START) == latest


@settings(deadline=None)
@given(schedules, moments)
def test_walking_and_asking_afresh_agree(trigger: Schedule, start: datetime) -> None:
    firings = fires_between(trigger, start, start + timedelta(days=1500), 5, anchor=START)
    assert [first_fire(trigger, item.nominal, START) for item in firings] == firings
    assert sorted({item.nominal for item in firings}) == [item.nominal for item in firings]
