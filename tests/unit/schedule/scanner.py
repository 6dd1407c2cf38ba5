"""A brute-force reading of cron: looks at every minute (or second) of a window and asks whether it matches.

It shares nothing with the engine: an expression is generated together with the sets that it means, and time zones are
asked through `datetime`, minute by minute. Sets of minutes are kept as bits of an integer, a bit a minute, which is
what makes twenty thousand expressions a matter of seconds.
"""

from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

EVERY_DAY = ("every day",)


@dataclass(frozen=True)
class Meaning:
    """What a generated expression means. `days` and `weekdays` hold the names that `_day_names` gives a date."""

    text: str
    months: frozenset[int]
    days: frozenset[tuple[object, ...]] | None  # None: `*`
    weekdays: frozenset[tuple[object, ...]] | None
    hours: frozenset[int]
    minutes: frozenset[int]
    seconds: frozenset[int] = frozenset({0})


class LocalTimes:
    """Local times in a row, each a bit; for every field's value, the bits of the times that have it."""

    def __init__(self, times: list[datetime]) -> None:
        self.masks: dict[tuple[object, ...], int] = defaultdict(int)
        for number, time in enumerate(times):
            bit = 1 << number
            for name in (
                ("month", time.month),
                ("hour", time.hour),
                ("minute", time.minute),
                ("second", time.second),
                *_day_names(time.year, time.month, time.day),
            ):
                self.masks[name] |= bit

    def matching(self, meaning: Meaning) -> int:
        return (
            self._any(("month", value) for value in meaning.months)
            & self._days(meaning)
            & self._any(("hour", value) for value in meaning.hours)
            & self._any(("minute", value) for value in meaning.minutes)
            & self._any(("second", value) for value in meaning.seconds)
        )

    def _days(self, meaning: Meaning) -> int:
        given = [names for names in (meaning.days, meaning.weekdays) if names is not None]
        return self._any(name for names in given or [[EVERY_DAY]] for name in names)

    def _any(self, names) -> int:
        mask = 0
        for name in names:
            mask |= self.masks.get(name, 0)
        return mask


@cache
def _day_names(year: int, month: int, day: int) -> tuple[tuple[object, ...], ...]:
    """Everything by which a date can be asked for."""
    length = monthrange(year, month)[1]

    def weekday(of: int) -> int:
        return datetime(year, month, of).isoweekday() % 7  # noqa: DTZ001 - a date of the calendar, in no zone

    workdays = [other for other in range(1, length + 1) if weekday(other) in range(1, 6)]
    names = [
        EVERY_DAY,
        ("day", day),
        ("weekday", weekday(day)),
        ("nth", weekday(day), sum(weekday(other) == weekday(day) for other in range(1, day + 1))),
    ]
    if day == length:
        names.append(("last day",))
    if not any(weekday(other) == weekday(day) for other in range(day + 1, length + 1)):
        names.append(("last", weekday(day)))
    names += [
        ("nearest", wanted)
        for wanted in range(1, 32)
        if day == min(workdays, key=lambda other: abs(other - min(wanted, length)))
    ]
    return tuple(names)


class Window:
    """A stretch of a zone's time, scanned step by step."""

    def __init__(self, zone: str, start: datetime, end: datetime, step: timedelta = timedelta(minutes=1)) -> None:
        tz = ZoneInfo(zone)
        self.start, self.end, self.step = start, end, step
        count = (end - start) // step
        shown = [(start + step * number).astimezone(tz) for number in range(-1, count)]
        walls = [time.replace(tzinfo=None) for time in shown]
        self._shown = LocalTimes(walls[1:])
        self._gaps = [
            (number, LocalTimes([before + step * n for n in range(1, (after - before) // step)]))
            for number, (before, after) in enumerate(pairwise(walls))
            if after - before > step
        ]
        twice = [
            time.replace(fold=0).utcoffset() != time.replace(fold=1).utcoffset() for time in shown[1:]
        ]  # both offsets of a time that was shown are real: it is shown twice
        self._first = _bits(not again or time.fold == 0 for again, time in zip(twice, shown[1:], strict=True))
        self._last = _bits(not again or time.fold == 1 for again, time in zip(twice, shown[1:], strict=True))

    @property
    def has_change(self) -> bool:
        """Whether any local time of the window is skipped or repeated."""
        return bool(self._gaps) or self._first != self._last

    def fires(self, meaning: Meaning, gap: str, overlap: str) -> list[datetime]:
        """Return every firing in the window."""
        mask = self._shown.matching(meaning)
        mask &= {"first": self._first, "last": self._last, "both": -1}[overlap]
        if gap == "shift":
            for number, skipped in self._gaps:
                if skipped.matching(meaning):
                    mask |= 1 << number
        found = []
        while mask:
            low = mask & -mask
            found.append(self.start + self.step * (low.bit_length() - 1))
            mask ^= low
        return found


def _bits(values) -> int:
    return sum(1 << number for number, value in enumerate(values) if value)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
