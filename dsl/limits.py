"""How large a workflow may be. Each limit has its own diagnostic."""

from typing import Final

FILE_BYTES_MAX: Final = 1 << 20
DEPTH_MAX: Final = 64
NODES_MAX: Final = 100_000
"""Values in a file, those that aliases repeat counted each time."""
EXPANDED_CHARACTERS_MAX: Final = 4 << 20
"""Characters of all scalars, those that aliases repeat counted each time."""
TASKS_MAX: Final = 5_000
ITEMS_MAX: Final = 10_000
"""Items of fan-outs in one run."""
INTEGER_MIN: Final = -(1 << 63)
INTEGER_MAX: Final = (1 << 63) - 1
