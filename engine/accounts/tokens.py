"""Secrets that callers carry: made at random, kept as digests only."""

import hashlib
import secrets
from typing import Final

API_PREFIX: Final = "cvt_"
REFRESH_PREFIX: Final = "cvr_"
_BYTES: Final = 32


def made(prefix: str) -> str:
    """Return a new one, of 256 random bits."""
    return prefix + secrets.token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """Return what is kept of it. As the token is random, a plain SHA-256 cannot be turned around."""
    return hashlib.sha256(token.encode()).hexdigest()
