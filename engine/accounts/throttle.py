"""How long the next try of a password must wait, after those that failed. Pure.

NIST SP 800-63B (section 5.2.2) wants the failures in a row limited to 100; the OWASP Authentication Cheat Sheet wants a
lock-out that ends by itself, so that nobody can lock somebody else out for good.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FREE: Final = 10
"""How many tries in a row may fail before the next has to wait."""
FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(minutes=15)
KEPT: Final = timedelta(days=1)
"""How long after the last failure they all are forgotten."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How often in a row a password was wrong, and when it was tried last."""

    count: int
    last_at: datetime


def waits_until(failures: Failures | None, now: datetime) -> datetime | None:
    """Return until when no try counts; None: one may be made now."""
    if failures is None or failures.count < FREE or failures.last_at <= now - KEPT:
        return None
    doublings = min(failures.count - FREE, 30)  # far beyond the longest wait, and no overflow
    until = failures.last_at + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
    return until if until > now else None


def with_one_more(failures: Failures | None, now: datetime) -> Failures:
    """Return what stands after a try that failed, or may."""
    known = 0 if failures is None or failures.last_at <= now - KEPT else failures.count
    return Failures(known + 1, now)
