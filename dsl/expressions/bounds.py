"""What one evaluation may be given, so that no expression holds up or fills the process that works it out.

CEL bounds its own iterations (10,000) and its nesting (32). `map` and `filter` are the library's costly calls: their
time and memory grow with the square of the list (10,000 elements: 3.5 s and 1.6 GB; 2,000: 0.1 s), so they take
shorter lists than the rest.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

CHARACTERS_MAX: Final = 1_000_000
"""Text that all values given to one expression may hold together, and that its own value may hold."""

MAPPED_ELEMENTS_MAX: Final = 2_000
"""Elements of a list or map in an expression with `map` or `filter`."""

_MAPS: Final = re.compile(r"\.\s*\??\s*(?:map|filter)\s*\(")


class BoundsError(ValueError):
    """The values are more than an expression may be given; the message says which bound it is."""


def check_bounds(text: str, values: Iterable[Any]) -> None:
    """Check the values that an expression is about to be given, or the one that it gives. Raises `BoundsError`."""
    elements, characters = _measure(values)
    if characters > CHARACTERS_MAX:
        raise BoundsError(f"works with more than {CHARACTERS_MAX:,} characters")
    if elements > MAPPED_ELEMENTS_MAX and _MAPS.search(text):
        raise BoundsError(
            f"map() and filter() take at most {MAPPED_ELEMENTS_MAX:,} elements, and here are {elements:,}"
        )


def _measure(values: Iterable[Any]) -> tuple[int, int]:
    """Return the elements of the largest list or map, at any depth, and the characters of all text."""
    elements = characters = 0
    waiting = list(values)
    while waiting:
        match waiting.pop():
            case str(text):
                characters += len(text)
            case list(items) | tuple(items):
                elements = max(elements, len(items))
                waiting.extend(items)
            case dict(items):
                elements = max(elements, len(items))
                waiting.extend(items.values())
                characters += sum(map(len, items))
            case _:
                pass
    return elements, characters
