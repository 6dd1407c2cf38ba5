"""Passwords: hashed with Argon2id (RFC 9106, its second recommended parameters), checked without telling who exists."""

import secrets
import threading
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 1_000
AT_ONCE_MAX: Final = 2
"""How many are worked out at once, each in 64 MiB: many log-ins wait, rather than take all memory."""

_turns: Final = threading.BoundedSemaphore(AT_ONCE_MAX)


class WeakPasswordError(ValueError):
    """The password cannot be taken; the message says what one needs."""


def hashed(password: str) -> str:
    """Return the hash of a password, in PHC form. Raises `WeakPasswordError`."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise WeakPasswordError(f"a password has {LENGTH_MIN} to {LENGTH_MAX:,} characters")
    with _turns:
        return _hasher().hash(password)


def fits(password: str, stored: str | None) -> bool:
    """Whether it is the password; without a stored hash as much work is done as with one."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - loaded for the first log-in

    try:
        with _turns:
            _hasher().verify(stored or _nobodys(), password[: LENGTH_MAX + 1])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # noqa: PLC0415 - as above
    from argon2.profiles import RFC_9106_LOW_MEMORY  # noqa: PLC0415 - as above

    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


@cache
def _nobodys() -> str:
    return _hasher().hash(secrets.token_urlsafe())
