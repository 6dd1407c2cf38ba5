"""Time and identity as arguments. Only a process's entry passes the real ones."""

from collections.abc import Callable
from datetime import UTC, datetime

import uuid_utils

Clock = Callable[[], datetime]
"""Gives the present moment, aware and in UTC."""

NewId = Callable[[], str]
"""Gives a fresh UUIDv7 (RFC 9562) in its 36-character form."""


def system_clock() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a fresh UUIDv7."""
    return str(uuid_utils.uuid7())
