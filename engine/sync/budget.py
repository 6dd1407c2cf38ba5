"""How many workflows a sync may remove by itself: more waits for a person.

A wrong mount, a half-done checkout or a slip of the hand takes many files at once; a person who tidies up takes few.
"""

from typing import Final

REMOVALS_MAX: Final = 10
REMOVALS_SHARE: Final = 0.2
REMOVALS_ALWAYS: Final = 3
"""So that a small source can be worked on: a fifth of three workflows is none."""


def removals_allowed(total: int) -> int:
    """Return how many of a source's `total` live workflows may go at once."""
    return min(REMOVALS_MAX, max(REMOVALS_ALWAYS, int(total * REMOVALS_SHARE)))
