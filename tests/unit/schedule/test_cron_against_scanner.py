"""Cron firings agree with a minute-by-minute scan where zones do odd things."""

from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from dsl.model import CronTrigger
from engine.schedule import fires_between
from tests.unit.schedule.generated import expression
from tests.unit.schedule.scanner import Window, utc

EXPRESSIONS_A_CHANGE = 460
COMPARED_MAX = 12

CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00", "forward an hour"),
    ("Europe/Berlin", "2026-10-25T01:00", "back an hour"),
    ("Europe/Dublin", "2026-03-29T01:00", "summer time is standard time there"),
    ("America/New_York", "2026-03-08T07:00", "forward an hour"),
    ("America/New_York", "2026-11-01T06:00", "back an hour"),
    ("America/St_Johns", "2011-03-13T03:31", "forward at a minute past midnight"),
    ("America/St_Johns", "2010-11-07T02:31", "back at a minute past midnight"),
    ("America/Sao_Paulo", "2018-11-04T03:00", "no midnight"),
    ("America/Sao_Paulo", "2018-02-18T02:00", "the last hour of a day twice"),
    ("America/Havana", "2026-03-08T05:00", "no midnight"),
    ("America/Havana", "2026-11-01T05:00", "midnight twice"),
    ("America/Asuncion", "2023-10-01T04:00", "no midnight"),
    ("America/Caracas", "2016-05-01T07:00", "forward half an hour"),
    ("America/Caracas", "2007-12-09T07:00", "back half an hour"),
    ("America/Scoresbysund", "2024-03-31T01:00", "a new zone and summer time cancel out"),
    ("Africa/Cairo", "2024-04-25T22:00", "no midnight, on a Friday"),
    ("Africa/Cairo", "2024-10-31T21:00", "the last hour of a month twice"),
    ("Africa/Casablanca", "2026-02-15T02:00", "back for Ramadan"),
    ("Africa/Casablanca", "2026-03-22T02:00", "forward after Ramadan"),
    ("Antarctica/Troll", "2026-03-29T01:00", "forward two hours"),
    ("Antarctica/Troll", "2026-10-25T01:00", "back two hours"),
    ("Antarctica/Casey", "2010-03-04T15:00", "back three hours"),
    ("Antarctica/Casey", "2011-10-27T18:00", "forward three hours"),
    ("Asia/Beirut", "2024-03-30T22:00", "no midnight"),
    ("Asia/Beirut", "2024-10-26T21:00", "the last hour of a day twice"),
    ("Asia/Gaza", "2024-04-20T00:00", "forward, on a Saturday"),
    ("Asia/Kathmandu", "1985-12-31T18:30", "forward a quarter of an hour, at new year"),
    ("Asia/Kolkata", "2026-03-29T01:00", "half-hour zone, no change at all"),
    ("Asia/Pyongyang", "2015-08-14T15:00", "back half an hour at midnight"),
    ("Asia/Pyongyang", "2018-05-04T15:00", "forward half an hour before midnight"),
    ("Asia/Singapore", "1981-12-31T16:00", "forward half an hour at new year"),
    ("Asia/Tehran", "2022-03-21T20:30", "no midnight, half-hour zone"),
    ("Asia/Tehran", "2022-09-21T19:30", "the last hour of a day twice, half-hour zone"),
    ("Australia/Adelaide", "2026-04-04T16:30", "back an hour, half-hour zone"),
    ("Australia/Lord_Howe", "2026-04-04T15:00", "back half an hour"),
    ("Australia/Lord_Howe", "2026-10-03T15:30", "forward half an hour"),
    ("Pacific/Apia", "2011-12-30T10:00", "a day skipped"),
    ("Pacific/Kwajalein", "1993-08-21T12:00", "a day skipped"),
    ("Pacific/Chatham", "2026-04-04T14:00", "back an hour, three-quarter zone"),
    ("Pacific/Chatham", "2026-09-26T14:00", "forward an hour, three-quarter zone"),
    ("Pacific/Norfolk", "2015-10-03T15:30", "back half an hour for good"),
    ("America/Juneau", "1983-10-30T10:00", "back two hours: a new zone and the end of summer"),
    ("UTC", "2026-12-31T23:00", "new year"),
    ("UTC", "2028-02-29T00:00", "a leap day"),
]

UNCHANGED = {"a new zone and summer time cancel out", "half-hour zone, no change at all", "new year", "a leap day"}


@pytest.mark.parametrize(("zone", "change", "what"), CHANGES)
def test_minutes_about_a_change_of_the_clocks(zone: str, change: str, what: str) -> None:
    moment = utc(change)
    window = Window(zone, moment - timedelta(days=3), moment + timedelta(days=3))
    assert window.has_change == (what not in UNCHANGED)
    firings = _compare(window, zone, moment, EXPRESSIONS_A_CHANGE, seconds=False)
    assert firings > EXPRESSIONS_A_CHANGE * 4  # enough of them fire in the window for the comparison to mean something


@pytest.mark.parametrize(("zone", "change", "what"), CHANGES[::4])
def test_seconds_about_a_change_of_the_clocks(zone: str, change: str, what: str) -> None:
    moment = utc(change)
    window = Window(zone, moment - timedelta(hours=2), moment + timedelta(hours=3), timedelta(seconds=1))
    assert _compare(window, zone, moment, 60, seconds=True) > 60


def test_there_are_twenty_thousand_expressions() -> None:
    assert EXPRESSIONS_A_CHANGE * len(CHANGES) >= 20_000


def _compare(window: Window, zone: str, moment: datetime, count: int, *, seconds: bool) -> int:
    """Compare `count` expressions; returns how many firings were compared."""
    random = Random(f"{zone} {moment}")
    near = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    compared = 0
    for _ in range(count):
        meaning = expression(random, near - timedelta(minutes=random.choice([0, 1, 15, 30, 60, 120])), seconds=seconds)
        gap, overlap = random.choice(["shift", "skip"]), random.choice(["first", "last", "both"])
        trigger = CronTrigger(expressions=(meaning.text,), timezone=zone, gap=gap, overlap=overlap)
        scanned = window.fires(meaning, gap, overlap)
        for start in (window.start, moment - window.step * random.randint(0, 90)):
            expected = [time for time in scanned if time >= start][:COMPARED_MAX]
            found = [firing.nominal for firing in fires_between(trigger, start, window.end, COMPARED_MAX)]
            assert found == expected, f"{meaning.text!r} in {zone}, gap {gap}, overlap {overlap}, from {start}"
            compared += len(found)
    return compared
