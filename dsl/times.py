"""Times as RFC 3339 writes them."""

import re
from datetime import UTC, datetime
from typing import Final

_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})",
)


class TimeError(ValueError):
    """The text is not a time that the calendar has."""


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time in UTC; finer parts than a microsecond are cut off. Raises `TimeError`."""
    if not _TIME.fullmatch(text):
        raise TimeError(f"'{text}' is not a time")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TimeError(f"'{text}' is not a time that the calendar has") from error
