"""Durations as the language writes them: `2h30m`, `500ms`, or ISO 8601 (`PT15M`)."""

import re
from functools import lru_cache
from typing import Final

DURATION_SECONDS_MAX: Final = 3650 * 86_400.0
"""Ten years: the longest duration, so that a time plus a duration is always a time."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"([0-9]+)(ms|d|h|m|s)")
_SIMPLE: Final = re.compile(r"(?:[0-9]+(?:ms|d|h|m|s))+")
_ISO: Final = re.compile(
    r"P(?=[0-9T])(?:(?P<w>[0-9]+)W|(?:(?P<d>[0-9]+)D)?(?:T(?=[0-9])(?:(?P<h>[0-9]+)H)?(?:(?P<m>[0-9]+)M)?"
    r"(?:(?P<s>[0-9]+(?:\.[0-9]+)?)S)?)?)",
)
_ISO_UNITS: Final = {"w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


class DurationError(ValueError):
    """The text is not a duration, or one of more than ten years."""


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> float:
    """Return the seconds that a duration lasts. Raises `DurationError`."""
    if _SIMPLE.fullmatch(text):
        seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    elif match := _ISO.fullmatch(text):
        seconds = sum(float(value) * _ISO_UNITS[unit] for unit, value in match.groupdict().items() if value)
    else:
        raise DurationError(f"'{text}' is not a duration")
    if seconds > DURATION_SECONDS_MAX:
        raise DurationError(f"'{text}' is more than ten years")
    return round(seconds, 6)


def format_duration(seconds: float) -> str:
    """Return a duration as people write it; `parse_duration` reads it back to the millisecond."""
    rest = round(seconds * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
