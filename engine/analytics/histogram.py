"""Times in buckets whose bounds grow by a constant factor, so that percentiles are off by a known share at most.

Any two histograms can be put together by adding their counts, without loss: what is known of the hours gives what is
known of the day. This is DDSketch (Masson, Rim, Lee: "DDSketch", VLDB 2019) with a fixed range.
"""

from math import ceil, log
from typing import Final, Self

import msgspec

ACCURACY: Final = 0.025
"""By how much of its true value a percentile is off at most."""

LEAST_SECONDS: Final = 0.001
"""What is shorter counts as this."""

_GROWTH: Final = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GROWTH: Final = log(_GROWTH)
_BUCKET_MAX: Final = ceil(log(100 * 86400 / LEAST_SECONDS) / _LOG_GROWTH)
"""The bucket of a hundred days; what is longer counts there."""


class Histogram(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How many times of each length, their sum and the longest, in seconds.

    `counts[n]` is of those above `LEAST_SECONDS * growth ** (n - 1)` and up to `LEAST_SECONDS * growth ** n`.
    """

    counts: dict[int, int] = msgspec.field(default_factory=dict)
    sum_seconds: float = 0.0
    max_seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one; less than nothing (clocks that differ) counts as nothing."""
        seconds = max(seconds, 0.0)
        bucket = 0 if seconds <= LEAST_SECONDS else min(ceil(log(seconds / LEAST_SECONDS) / _LOG_GROWTH), _BUCKET_MAX)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.sum_seconds += seconds
        self.max_seconds = max(self.max_seconds, seconds)

    def merge(self, other: Self) -> None:
        """Take in all that another one has."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.sum_seconds += other.sum_seconds
        self.max_seconds = max(self.max_seconds, other.max_seconds)

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def mean_seconds(self) -> float:
        """The mean, exact. Raises `ZeroDivisionError` where there are none."""
        return self.sum_seconds / self.total

    def percentiles(self, *shares: float) -> list[float]:
        """Return, for each share, the seconds that this share of all do not exceed, off by `ACCURACY` of it at most.

        The shares grow. Raises `ValueError` where there are none.
        """
        if not self.counts:
            raise ValueError("there is no percentile of nothing")
        ranks = [max(ceil(self.total * share), 1) for share in shares]
        found: list[float] = []
        passed = 0
        for bucket in sorted(self.counts):
            passed += self.counts[bucket]
            while len(found) < len(ranks) and passed >= ranks[len(found)]:
                found.append(min(_middle(bucket), self.max_seconds))
        return found


def _middle(bucket: int) -> float:
    """Return what is off from either end of the bucket by the same share."""
    return LEAST_SECONDS if bucket == 0 else 2 * LEAST_SECONDS * _GROWTH**bucket / (_GROWTH + 1)
