"""What one measure is, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `run` returns its samples; `target` is met from below, or from above where `more` is better."""

    name: str
    unit: str
    target: float | None
    run: Callable[[], Sequence[float]]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure."""

    name: str
    unit: str
    target: float | None
    more: bool
    samples: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median of the samples."""
        return median(self.samples)

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.target is None:
            return ""
        met = self.middle >= self.target if self.more else self.middle <= self.target
        return "yes" if met else f"no ({self.middle / self.target:.2f}x)"


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the sample below which that share of them lies."""
    ordered = sorted(samples)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
