"""A scalar's value with the source index of each of its code points."""

import re
from typing import Final

BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
KEPT_BREAKS: Final = frozenset("\u2028\u2029")
"""Breaks that libyaml keeps as they are; the others become a line feed."""


class Mapped:
    """A value being rebuilt from its source. `end` is the index just past it."""

    def __init__(self, end: int) -> None:
        self._parts: list[str] = []
        self.indexes: list[int] = []
        self.end = end

    def add(self, part: str, index: int) -> None:
        """Add text that was written at `index` (one code point, or the text of one escape)."""
        self._parts.append(part)
        self.indexes.extend([index] * len(part))

    def copy(self, text: str, start: int, end: int) -> None:
        """Add text that stands in the source as it is."""
        self._parts.append(text[start:end])
        self.indexes.extend(range(start, end))

    @property
    def text(self) -> str:
        """The value rebuilt so far."""
        return "".join(self._parts)


def break_value(written: str) -> str:
    """Return what a line break stands for in a value."""
    return written if written in KEPT_BREAKS else "\n"
