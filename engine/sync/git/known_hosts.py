"""Lines of `known_hosts` (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), as far as a mistake in them can be told early."""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

LINES_MAX: Final = 1_000
_MARKERS: Final = frozenset({"@cert-authority", "@revoked"})


class KnownHostsError(ValueError):
    """A line is none of `known_hosts`; the message says which."""


def check_lines(text: str) -> None:
    """Raise `KnownHostsError` for a line that is no host key, and for a text without any."""
    found = 0
    for number, line in _lines(text):
        words = line.split()
        if words[0] in _MARKERS:
            raise KnownHostsError(f"line {number}: {words[0]} is not understood here: give the host's own key")
        if len(words) < 3 or not _is_key(words[1], words[2]):
            raise KnownHostsError(f"line {number} is not of the form 'host type base64-key'")
        found += 1
        if found > LINES_MAX:
            raise KnownHostsError(f"there are more than {LINES_MAX:,} lines")
    if not found:
        raise KnownHostsError("there is no host key in it")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return ((number, line) for number, line in stripped if line and not line.startswith("#"))


def _is_key(kind: str, encoded: str) -> bool:
    """A key's bytes begin with its type, after its length in four bytes (RFC 4253, 6.6)."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return data[4:].startswith(kind.encode()) and data[:4] == len(kind).to_bytes(4, "big")
