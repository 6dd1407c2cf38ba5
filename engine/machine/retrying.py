"""Whether and when a failed attempt is tried again."""

import hashlib
from datetime import timedelta

from dsl.model import Retry
from engine.machine.states import Reason


def wants_retry(retry: Retry, attempt: int, reason: Reason) -> bool:
    """Whether attempt number `attempt` (from 1), which failed for `reason`, is followed by another."""
    if attempt >= retry.max_attempts or reason is Reason.EXPRESSION:
        return False
    return retry.on is None or str(reason) in retry.on


def retry_delay(retry: Retry, attempt: int, attempt_name: str) -> timedelta:
    """Return how long to wait after attempt number `attempt` (from 1).

    Exponential: `delay`, then twice as long each time, at most `max_delay`. Jitter takes away up to half, by a hash of
    the attempt's name ("equal jitter", M. Brooker, Exponential Backoff And Jitter, 2015), so a replay waits the same.
    """
    seconds = retry.delay_seconds
    if retry.backoff == "exponential":
        seconds *= 2.0 ** min(attempt - 1, 62)
    if retry.max_delay_seconds is not None:
        seconds = min(seconds, retry.max_delay_seconds)
    if retry.jitter:
        seconds *= 1 - _fraction(attempt_name) / 2
    return timedelta(seconds=min(seconds, 366 * 86400.0))


def _fraction(name: str) -> float:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest()) / 2**56
