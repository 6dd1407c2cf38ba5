"""A firing's own delay: spread by hash, so that it is the same on every host and after every restart."""

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

_RANGE: Final = 1 << 64


def jitter_offset(trigger_key: str, nominal: datetime, jitter_seconds: float) -> timedelta:
    """Return the delay of one firing of one trigger, in [0, jitter_seconds)."""
    if jitter_seconds <= 0:
        return timedelta(0)
    digest = blake2b(f"{trigger_key}\n{nominal.timestamp():.6f}".encode(), digest_size=8).digest()
    microseconds = int(jitter_seconds * 1_000_000) * int.from_bytes(digest) // _RANGE
    return timedelta(microseconds=microseconds)
