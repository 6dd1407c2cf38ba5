"""What instruments have recorded since a moment: they belong to the process, which is every test's.

A sum is the difference of two sums over all tests so far, so it is right to a millionth and no further."""

from engine.telemetry.recording import Distribution, Instrument, Values


class Recorded:
    """Counts from now on."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._before = self._totals()

    def since(self) -> dict[Values, tuple[float, float]]:
        """Return, by the attributes' values, how often something was recorded (0 for a counter) and the sum."""
        now = self._totals()
        none = (0.0, 0.0)
        differences = {
            values: (count - self._before.get(values, none)[0], round(total - self._before.get(values, none)[1], 6))
            for values, (count, total) in now.items()
        }
        return {values: difference for values, difference in differences.items() if difference != none}

    def number(self) -> float:
        """Return how many values were recorded, whatever their attributes."""
        return sum(count for count, _ in self.since().values())

    def total(self) -> float:
        """Return their sum."""
        return sum(total for _, total in self.since().values())

    def _totals(self) -> dict[Values, tuple[float, float]]:
        return {point.values: _of(point.value) for point in self._instrument.points()}


def _of(value: float | Distribution) -> tuple[float, float]:
    return (value.count, value.sum) if isinstance(value, Distribution) else (0.0, value)
