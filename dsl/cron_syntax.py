"""What a cron expression says, as far as a file can be checked: its form, whether it can fire, how often it does.

Five fields, or six with seconds first, or an alias such as `@daily`. Fields take `*`, numbers, names, ranges, steps and
lists; the day of the month also `L` (the last) and `15W` (the weekday nearest), the day of the week also `L5` (the last
Friday) and `5#2` (the second). When it fires in which time zone is not decided here.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

ALIASES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MONTH_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class CronSyntaxError(ValueError):
    """The expression is not valid. `offset` and `length` are those of the part that is wrong."""

    def __init__(self, message: str, offset: int, length: int, hint: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.length = length
        self.hint = hint


class Field(NamedTuple):
    """What one field matches: plain numbers, and whether it holds `L`, `W` or `#` besides."""

    values: frozenset[int]
    is_any: bool = False
    special: bool = False


class Cron(NamedTuple):
    """The fields of an expression; without seconds it fires at second 0."""

    second: Field
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field


class _Kind(NamedTuple):
    title: str
    low: int
    high: int
    names: dict[str, int]
    special: re.Pattern[str] | None = None


_KINDS: Final = (
    _Kind("second", 0, 59, {}),
    _Kind("minute", 0, 59, {}),
    _Kind("hour", 0, 23, {}),
    _Kind("day of month", 1, 31, {}, re.compile(r"l|(?:[1-9]|[12][0-9]|3[01])w", re.ASCII)),
    _Kind("month", 1, 12, {name: number + 1 for number, name in enumerate(_MONTHS)}),
    _Kind(
        "day of week",
        0,
        7,
        {name: number for number, name in enumerate(_DAYS)},
        re.compile(rf"l[0-7]|(?:[0-7]|{'|'.join(_DAYS)})#[1-5]", re.ASCII),
    ),
)
_PART: Final = re.compile(r"(?:(?P<any>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,4}))?", re.ASCII)
_WORD: Final = re.compile(r"[^ \t]+")


@lru_cache(maxsize=1024)
def parse_cron(text: str) -> Cron:
    """Return what an expression says. Raises `CronSyntaxError`."""
    words = [(match[0], match.start()) for match in _WORD.finditer(text)]
    if len(words) == 1 and words[0][0].startswith("@"):
        return parse_cron(_alias(*words[0]))
    if len(words) not in {5, 6}:
        message = f"a cron expression has 5 fields, or 6 with seconds first; this one has {len(words)}"
        raise CronSyntaxError(message, 0, len(text))
    kinds = _KINDS[6 - len(words) :]
    fields = [_field(word, offset, kind) for (word, offset), kind in zip(words, kinds, strict=True)]
    return Cron(*fields) if len(fields) == 6 else Cron(Field(frozenset({0})), *fields)


def can_fire(cron: Cron) -> bool:
    """Return whether any day of any year matches: `0 0 30 2 *` never does."""
    day, month = cron.day, cron.month
    if day.is_any or day.special or not cron.weekday.is_any:
        return True
    return min(day.values) <= max(_MONTH_LENGTHS[number - 1] for number in month.values)


def shortest_gap_seconds(cron: Cron) -> int:
    """Return the seconds between two firings that follow each other most closely on one day, else a day's."""
    for field, size, unit in ((cron.second, 60, 1), (cron.minute, 60, 60), (cron.hour, 24, 3600)):
        if len(field.values) > 1:
            ordered = sorted(field.values)
            return min([later - earlier for earlier, later in pairwise([*ordered, ordered[0] + size])]) * unit
    return 86_400


def _alias(name: str, offset: int) -> str:
    if name.lower() not in ALIASES:
        hint = f"one of: {', '.join(ALIASES)}"
        raise CronSyntaxError(f"unknown alias '{name}'", offset, len(name), hint)
    return ALIASES[name.lower()]


def _field(word: str, offset: int, kind: _Kind) -> Field:
    fields = []
    place = offset
    for part in word.split(","):
        fields.append(_part(part, place, kind))
        place += len(part) + 1
    nearest = kind.title == "day of month" and "w" in word.lower() and len(fields) > 1
    if nearest or len({field.special for field in fields}) > 1:
        raise CronSyntaxError(f"'{word}' mixes plain days with L, W or #", offset, len(word), "use two expressions")
    return Field(
        frozenset().union(*(field.values for field in fields)),
        any(field.is_any for field in fields),
        fields[0].special,
    )


def _part(part: str, offset: int, kind: _Kind) -> Field:
    if kind.special is not None and kind.special.fullmatch(part.lower()):
        return Field(frozenset(), special=True)
    match = _PART.fullmatch(part)
    if match is None:
        hint = "write '*'" if part == "?" else ""
        raise CronSyntaxError(f"'{part}' is not a {kind.title}", offset, max(len(part), 1), hint)
    low, high = _bounds(match, part, offset, kind)
    step = int(match["step"] or 1)
    if not 1 <= step <= kind.high:
        raise CronSyntaxError(f"the step {step} does not fit a {kind.title}", offset, len(part))
    values = frozenset(range(low, high + 1, step))
    if kind.high == 7:
        values = frozenset(value % 7 for value in values)
    return Field(values, is_any=match["any"] is not None and step == 1)


def _bounds(match: re.Match[str], part: str, offset: int, kind: _Kind) -> tuple[int, int]:
    highest = 6 if kind.high == 7 else kind.high
    if match["any"]:
        return kind.low, highest
    low = _number(match["first"], offset, kind)
    if match["last"] is None:
        return low, highest if match["step"] else low
    high = _number(match["last"], offset + match.start("last"), kind)
    if high < low:
        hint = f"write {match['first']}-{highest},{kind.low}-{match['last']}"
        raise CronSyntaxError(f"the range '{part}' runs backwards", offset, len(part), hint)
    return low, high


def _number(word: str, offset: int, kind: _Kind) -> int:
    if word.lower() in kind.names:
        return kind.names[word.lower()]
    if not word.isdigit() or not kind.low <= int(word) <= kind.high:
        message = f"'{word}' is not a {kind.title}: {kind.low} to {kind.high}"
        raise CronSyntaxError(message, offset, len(word))
    return int(word)
