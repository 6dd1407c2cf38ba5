"""Cron expressions as sets of days and of times of day. Alone in knowing croniter.

What plain fields match is read by `dsl.cron_syntax`, the same reader that checks files. croniter reads `L`, `W` and `#`
only: it takes `23-23` for `*`, so its word on plain fields does not count.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from croniter import croniter

from dsl.cron_syntax import ALIASES, Field, parse_cron
from engine.schedule.days import LAST, DayRule

DAY_SECONDS: Final = 86_400
CRON_CACHE_MAX: Final = 16_384

_DAY_FIELD: Final = 2


@dataclass(frozen=True, slots=True)
class TimesOfDay:
    """The times of a day that match, as sorted hours, minutes and seconds; none of the three is empty."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]

    def from_hour(self, index: int) -> int | None:
        """Return the first time (seconds since midnight) in the hour of that index; None when there is no such hour."""
        if index == len(self.hours):
            return None
        return self.hours[index] * 3600 + self.minutes[0] * 60 + self.seconds[0]

    def at_or_after(self, at: int) -> int | None:
        """Return the first matching time not before `at`, in seconds since midnight; None when the day has no more."""
        hour, rest = divmod(at, 3600)
        minute, second = divmod(rest, 60)
        index = bisect_left(self.hours, hour)
        if index == len(self.hours) or self.hours[index] > hour:
            return self.from_hour(index)
        place = bisect_left(self.minutes, minute)
        if place < len(self.minutes) and self.minutes[place] == minute:
            behind = bisect_left(self.seconds, second)
            if behind < len(self.seconds):
                return hour * 3600 + minute * 60 + self.seconds[behind]
            place += 1
        if place < len(self.minutes):
            return hour * 3600 + self.minutes[place] * 60 + self.seconds[0]
        return self.from_hour(index + 1)


@dataclass(frozen=True, slots=True)
class Cron:
    """One expression. Local times are whole seconds since 1970-01-01T00:00 by the clock on the wall."""

    days: DayRule
    times: TimesOfDay

    def next_local(self, start: int, end: int) -> int | None:
        """Return the first local time in [start, end) that matches, whether or not a clock ever shows it."""
        day, at = divmod(start, DAY_SECONDS)
        last_day = (end - 1) // DAY_SECONDS
        found = self.days.at_or_after(day, last_day)
        time = self.times.at_or_after(at) if found == day else self.times.from_hour(0)
        if time is None:
            found, time = self.days.at_or_after(day + 1, last_day), self.times.from_hour(0)
        if found is None or time is None:
            return None
        local = found * DAY_SECONDS + time
        return local if local < end else None


@lru_cache(maxsize=CRON_CACHE_MAX)
def read_cron(text: str) -> Cron:
    """Return what an expression matches. Raises `dsl.cron_syntax.CronSyntaxError` for one that is not valid."""
    fields = parse_cron(text)
    special = _special_days(text) if fields.day.special or fields.weekday.special else DayRule()
    days = DayRule(
        months=_sorted(fields.month),
        any_day=fields.day.is_any,
        any_weekday=fields.weekday.is_any,
        days=fields.day.values,
        weekdays=fields.weekday.values,
        last_day=special.last_day,
        nearest=special.nearest,
        nth=special.nth,
    )
    return Cron(days, TimesOfDay(_sorted(fields.hour), _sorted(fields.minute), _sorted(fields.second)))


def _special_days(text: str) -> DayRule:
    """Return the `L`, `W` and `#` of an expression, as croniter reads its day fields."""
    *_, day, _month, weekday = ALIASES.get(text.strip().lower(), text).split()
    read = croniter(f"0 0 {day} * {weekday}", start_time=0)
    nth: Mapping[int, set[int | str]] = read.nth_weekday_of_month
    return DayRule(
        last_day="l" in read.expanded[_DAY_FIELD],
        nearest=frozenset(read.nearest_weekday),
        nth=frozenset((day, LAST if n == "l" else int(n)) for day, numbers in nth.items() for n in numbers),
    )


def _sorted(field: Field) -> tuple[int, ...]:
    return tuple(sorted(field.values))
