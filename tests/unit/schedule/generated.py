"""Random cron expressions together with what they mean."""

from dataclasses import dataclass
from datetime import datetime
from random import Random

from tests.unit.schedule.scanner import Meaning

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@dataclass(frozen=True)
class FieldRange:
    low: int
    high: int
    names: list[str] | None = None


MINUTE, HOUR, DAY = FieldRange(0, 59), FieldRange(0, 23), FieldRange(1, 31)
MONTH, WEEKDAY = FieldRange(1, 12, MONTHS), FieldRange(0, 7, DAYS)


def expression(random: Random, near: datetime, *, seconds: bool = False) -> Meaning:
    """Return an expression; half of its values lie about `near` (a local time), so that something happens there."""
    second_text, second = _plain(random, MINUTE, near.second) if seconds else ("", frozenset({0}))
    minute_text, minute = _plain(random, MINUTE, near.minute)
    hour_text, hour = _plain(random, HOUR, near.hour)
    day_text, days = _days(random, near)
    month_text, months = _plain(random, MONTH, near.month) if random.random() < 0.25 else ("*", frozenset(range(1, 13)))
    weekday_text, weekdays = _weekdays(random, near)
    text = f"{second_text} {minute_text} {hour_text} {day_text} {month_text} {weekday_text}".strip()
    return Meaning(text, months, days, weekdays, hour, minute, second)


def _days(random: Random, near: datetime):
    kind = random.random()
    if kind < 0.5:
        return "*", None
    if kind < 0.6:
        return random.choice("Ll"), frozenset({("last day",)})
    if kind < 0.7:
        wanted = _value(random, DAY, near.day)
        return f"{wanted}W", frozenset({("nearest", wanted)})
    text, values = _plain(random, DAY, near.day, star=False)
    return text, frozenset(("day", value) for value in values)


def _weekdays(random: Random, near: datetime):
    kind, weekday = random.random(), near.isoweekday() % 7
    if kind < 0.5:
        return "*", None
    if kind < 0.7:
        parts = []
        for _ in range(random.randint(1, 2)):
            day = _value(random, WEEKDAY, weekday)
            number = random.randint(1, 5)
            if random.random() < 0.3:
                parts.append((f"L{day}", ("last", day % 7)))
            else:
                name = DAYS[day % 7] if random.random() < 0.5 else str(day)
                parts.append((f"{name}#{number}", ("nth", day % 7, number)))
        return ",".join(text for text, _ in parts), frozenset(meant for _, meant in parts)
    text, values = _plain(random, WEEKDAY, weekday, star=False)
    return text, frozenset(("weekday", value % 7) for value in values)


def _plain(random: Random, field: FieldRange, near: int, *, star: bool = True) -> tuple[str, frozenset[int]]:
    parts = [_part(random, field, near, star=star) for _ in range(random.choice([1, 1, 1, 2, 3]))]
    return ",".join(text for text, _ in parts), frozenset(value for _, values in parts for value in values)


def _part(random: Random, field: FieldRange, near: int, *, star: bool) -> tuple[str, set[int]]:
    highest = 6 if field.high == 7 else field.high
    first = _value(random, field, near)
    match random.choice(["star", "step", "one", "one", "one", "from", "range", "range", "same", "full", "stepped"]):
        case "star" if star:
            return "*", set(range(field.low, highest + 1))
        case "step" if star:
            step = random.randint(2, max(2, field.high // 2))
            return f"*/{step}", set(range(field.low, highest + 1, step))
        case "from" if first <= highest:
            step = random.randint(1, max(2, field.high // 2))
            return f"{first}/{step}", set(range(first, highest + 1, step))
        case "same":
            return f"{first}-{first}", {first}
        case "full":
            return f"{field.low}-{highest}", set(range(field.low, highest + 1))
        case "range" | "stepped" as kind:
            last = random.randint(first, field.high)
            step = random.randint(2, max(2, field.high // 3)) if kind == "stepped" else 1
            text = f"{_shown(random, field, first)}-{_shown(random, field, last)}" + (f"/{step}" if step > 1 else "")
            return text, set(range(first, last + 1, step))
        case _:
            return _shown(random, field, first), {first}


def _value(random: Random, field: FieldRange, near: int) -> int:
    if random.random() < 0.6:
        return min(max(near + random.randint(-1, 1), field.low), field.high)
    return random.randint(field.low, field.high)


def _shown(random: Random, field: FieldRange, value: int) -> str:
    if field.names is None or value == 7 or random.random() < 0.5:
        return str(value)
    name = field.names[value - field.low]
    return random.choice([name, name.lower(), name.title()])
