"""How long a forge wants to be left alone, from what it answers.

GitHub ("Rate limits for the REST API") answers 403 or 429, with `Retry-After` (seconds), or `X-RateLimit-Remaining: 0`
and `X-RateLimit-Reset` (Unix time), and wants a minute where it gives neither; GitLab 429 with `Retry-After` and
`RateLimit-Reset`; Bitbucket and Gitea 429. `Retry-After` may be a date (RFC 9110, 10.2.3).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

SILENCE: Final = timedelta(minutes=1)
SILENCE_MAX: Final = timedelta(hours=2)
_TOO_MANY: Final = 429
_FORBIDDEN: Final = 403


def closed_until(status: int, headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return until when the forge wants no request, or None where its answer says nothing of that kind.

    `headers` are found by their names in whatever case.
    """
    said = _after(headers.get("retry-after", ""), now) or _reset(headers)
    spent = headers.get("x-ratelimit-remaining", "") == "0"
    if status == _TOO_MANY or (status == _FORBIDDEN and ("retry-after" in headers or spent)):
        return min(max(said or now + SILENCE, now + timedelta(seconds=1)), now + SILENCE_MAX)
    return None


def _after(text: str, now: datetime) -> datetime | None:
    if text.isascii() and text.isdecimal() and len(text) < 8:
        return now + timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _reset(headers: Mapping[str, str]) -> datetime | None:
    text = headers.get("x-ratelimit-reset", "") or headers.get("ratelimit-reset", "")
    if not text.isascii() or not text.isdecimal() or len(text) > 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
