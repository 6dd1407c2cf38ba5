"""The days that a cron expression matches."""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date
from functools import lru_cache
from typing import Final

LAST: Final = -1
"""In place of the n of "the n-th Friday": the last one."""

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
MONTH_CACHE_MAX: Final = 16_384


@dataclass(frozen=True, slots=True)
class DayRule:
    """Months, days of the month and days of the week (0 is Sunday).

    Where neither of the last two is `*`, a day that either of them names matches (as in Vixie's cron).
    """

    months: tuple[int, ...] = ()
    any_day: bool = True
    any_weekday: bool = True
    days: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    last_day: bool = False
    nearest: frozenset[int] = frozenset()
    """Days of the month that stand for the weekday (Monday to Friday) nearest to them, in the same month."""
    nth: frozenset[tuple[int, int]] = frozenset()
    """Pairs of a day of the week and which one of the month (1 to 5, or `LAST`)."""

    def at_or_after(self, day: int, last_day: int) -> int | None:
        """Return the first matching day in [day, last_day], in days since 1970-01-01; None when there is none."""
        if not 1 <= day + EPOCH_ORDINAL <= date.max.toordinal():
            return None
        start = date.fromordinal(day + EPOCH_ORDINAL)
        year, month, from_day = start.year, start.month, start.day
        while year <= MAXYEAR:
            first = date(year, month, 1).toordinal() - EPOCH_ORDINAL
            if first > last_day:
                return None
            days = month_days(self, year, month) if month in self.months else ()
            place = bisect_left(days, from_day)
            if place < len(days):
                found = first + days[place] - 1
                return found if found <= last_day else None
            year, month, from_day = year + month // 12, month % 12 + 1, 1
        return None


@lru_cache(maxsize=MONTH_CACHE_MAX)
def month_days(rule: DayRule, year: int, month: int) -> tuple[int, ...]:
    """Return the matching days of a month that the rule names, sorted."""
    assert MINYEAR <= year <= MAXYEAR
    first, length = monthrange(year, month)
    sunday_first = (first + 1) % 7
    matching: set[int] = set()
    if rule.any_day and rule.any_weekday:
        matching.update(range(1, length + 1))
    if not rule.any_day:
        matching.update(_by_day(rule, sunday_first, length))
    if not rule.any_weekday:
        matching.update(_by_weekday(rule, sunday_first, length))
    return tuple(sorted(matching))


def _by_day(rule: DayRule, first: int, length: int) -> Iterator[int]:
    yield from (day for day in rule.days if day <= length)
    if rule.last_day:
        yield length
    for day in rule.nearest:
        yield _nearest(min(day, length), first, length)


def _by_weekday(rule: DayRule, first: int, length: int) -> Iterator[int]:
    for day in range(1, length + 1):
        weekday, number = (first + day - 1) % 7, (day - 1) // 7 + 1
        is_last = day + 7 > length
        if weekday in rule.weekdays or (weekday, number) in rule.nth or (is_last and (weekday, LAST) in rule.nth):
            yield day


def _nearest(day: int, first: int, length: int) -> int:
    """Return the nearest Monday to Friday, without leaving the month."""
    weekday = (first + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day
