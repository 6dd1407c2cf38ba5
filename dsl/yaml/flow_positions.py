"""Positions inside plain and quoted scalars: breaks and the blanks around them fold, escapes are undone."""

import re
from collections.abc import Callable
from typing import Final

from dsl.yaml.marks import BREAK, Mapped, break_value

Reader = Callable[[str, int], tuple[str, int]]
"""Takes the source and an index; returns what stands there and how many code points it takes."""

_FOLD: Final = re.compile("[ \t]*(\r\n|[\r\n\x85\u2028\u2029])")
_BLANKS: Final = re.compile("[ \t]*")
_HEX_DIGITS: Final = {"x": 2, "u": 4, "U": 8}
_ESCAPES: Final = dict(
    zip('0abt\tnvfre "/\\N_LP', '\0\a\b\t\t\n\v\f\r\x1b "/\\\x85\xa0\u2028\u2029', strict=True),
)


def plain(text: str, index: int) -> tuple[str, int]:
    """Read one code point of a plain scalar."""
    return text[index], 1


def single(text: str, index: int) -> tuple[str, int]:
    """Read one code point of a single-quoted scalar."""
    return ("'", 2) if text.startswith("''", index) else (text[index], 1)


def double(text: str, index: int) -> tuple[str, int]:
    """Read one code point or escape of a double-quoted scalar; an escaped break is nothing."""
    if text[index] != "\\":
        return text[index], 1
    letter = text[index + 1]
    if letter in _HEX_DIGITS:
        width = _HEX_DIGITS[letter]
        return chr(int(text[index + 2 : index + 2 + width], 16)), 2 + width
    return _ESCAPES[letter], 2


def flow_map(text: str, start: int, end: int, read: Reader) -> Mapped:
    """Return the value between two indexes as `read` takes it, with the source index of each code point."""
    mapped = Mapped(end)
    index = start
    while index < end:
        fold = _FOLD.match(text, index, end)
        if fold:
            index = _folded(text, fold, end, mapped)
        elif read is double and text[index] == "\\" and (written := BREAK.match(text, index + 1, end)):
            index = _lines(text, written.end(), end, mapped)
        else:
            value, width = read(text, index)
            mapped.add(value, index)
            index += width
    return mapped


def _folded(text: str, fold: re.Match[str], end: int, mapped: Mapped) -> int:
    before = len(mapped.indexes)
    index = _lines(text, fold.end(), end, mapped)
    if len(mapped.indexes) == before:
        mapped.add(" ", fold.start(1))
    return index


def _lines(text: str, index: int, end: int, mapped: Mapped) -> int:
    """Add a break for each empty line from `index` on; return where the next line's text begins."""
    while empty := _FOLD.match(text, index, end):
        mapped.add(break_value(empty[1]), empty.start(1))
        index = empty.end()
    blanks = _BLANKS.match(text, index, end)
    return blanks.end() if blanks else index
