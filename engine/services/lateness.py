"""How late firings were: counted in buckets, for a metric."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

BOUNDS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


@dataclass(slots=True)
class Lateness:
    """A histogram of seconds between when a firing was due and when its run was committed.

    `counts[i]` is how many were at most `BOUNDS_SECONDS[i]` late and more than the bound before; the last, more than
    all. Written by one thread, read by any.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    total: int = 0
    sum_seconds: float = 0.0
    max_seconds: float = 0.0

    def observe(self, late: timedelta) -> None:
        """Count one firing; clocks that differ may make it early, which counts as in time."""
        seconds = max(late.total_seconds(), 0.0)
        self.counts[sum(bound < seconds for bound in BOUNDS_SECONDS)] += 1
        self.total += 1
        self.sum_seconds += seconds
        self.max_seconds = max(self.max_seconds, seconds)
