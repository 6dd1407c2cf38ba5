"""Sizes in bytes as the language writes them: `512Mi`, `2Gi`, `500M`, or a whole number."""

import re
from typing import Final

_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGT]i?)?")
_UNITS: Final = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


class SizeError(ValueError):
    """The text is not a size."""


def parse_size(value: str | int) -> int:
    """Return the bytes of a size. Raises `SizeError`."""
    match = _SIZE.fullmatch(str(value))
    if match is None:
        raise SizeError(f"'{value}' is not a size")
    number, unit = match.groups()
    factor = _UNITS[unit] if unit else 1
    return round(float(number) * factor) if "." in number else int(number) * factor
