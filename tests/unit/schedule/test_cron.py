"""What the checks accept, the schedule can read: the special days are croniter's to read, the rest is not."""

from itertools import product

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.cron_syntax import CronSyntaxError, parse_cron
from engine.schedule.cron import read_cron
from engine.schedule.days import LAST
from tests.unit.schedule.generated import DAYS

WEEKDAYS = [*map(str, range(8)), *DAYS]
NUMBERED = [f"{day}#{number}" for day, number in product(WEEKDAYS, range(1, 6))]
LASTS = [f"L{day}" for day in range(8)]


@pytest.mark.parametrize("weekday", [*NUMBERED, *LASTS])
def test_every_special_weekday_is_read_as_one_pair(weekday: str) -> None:
    ((day, number),) = read_cron(f"0 0 * * {weekday}").days.nth
    name = weekday.strip("L").split("#")[0]
    assert day == (DAYS.index(name) if name in DAYS else int(name) % 7)
    assert number == (LAST if weekday.startswith("L") else int(weekday[-1]))


@pytest.mark.parametrize("day", range(1, 32))
def test_every_nearest_weekday_is_read(day: int) -> None:
    assert read_cron(f"0 0 {day}w * *").days.nearest == {day}


@settings(deadline=None)
@given(st.lists(st.sampled_from([*NUMBERED, *LASTS]), min_size=1, max_size=4), st.sampled_from(["*", "L", "l,L", "3W"]))
def test_lists_of_special_days_are_read_whole(weekdays: list[str], day: str) -> None:
    rule = read_cron(f"0 0 {day} * {','.join(weekdays)}").days
    alone = [read_cron(f"0 0 * * {weekday}").days.nth for weekday in weekdays]
    assert rule.nth == frozenset().union(*alone)
    assert (rule.last_day, bool(rule.nearest)) == ("l" in day.lower(), "W" in day)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text("0123456789*/-,LW#lw SUNmon@daily", min_size=1, max_size=6), min_size=5, max_size=6))
def test_what_the_checks_accept_is_read_and_all_else_is_told_the_same_way(words: list[str]) -> None:
    text = " ".join(words)
    try:
        parse_cron(text)
    except CronSyntaxError:
        with pytest.raises(CronSyntaxError):
            read_cron(text)
    else:
        assert read_cron(text).times.from_hour(0) is not None


def test_croniter_takes_a_range_of_one_for_any_which_is_why_it_is_not_asked() -> None:
    """When this fails, croniter has changed its mind, and the note in `engine.schedule.cron` can go."""
    assert croniter.expand("0 23-23 * * *")[0][1] == ["*"]
    assert read_cron("0 23-23 * * *").times.hours == (23,)
