"""Numbers kept in memory until somebody reads them: counters, histograms, and what is asked for at each reading.

Names, units and attributes follow OpenTelemetry's conventions, and so do the rules here: buckets include their upper
bound, and an instrument holds at most `SERIES_MAX` sets of attributes (https://opentelemetry.io/docs/specs/otel/metrics).
Every method may be called from any thread.
"""

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

log = logging.getLogger(__name__)

SERIES_MAX: Final = 2000
OVERFLOW: Final = "otel.metric.overflow"
"""The one attribute, with the value `true`, under which counts what is beyond `SERIES_MAX`."""

Values = tuple[str, ...]
"""The values of an instrument's attributes, in the order in which it declares them."""


class Kind(StrEnum):
    """How the readings of an instrument go together."""

    COUNTER = "counter"
    UP_DOWN_COUNTER = "updowncounter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(slots=True)
class Distribution:
    """How recorded values are spread: `counts[i]` lie above bound i-1 and up to bound i; the last, above all."""

    counts: list[int]
    sum: float = 0.0

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Point:
    """One set of attributes with what was found for it. `overflow`: it stands for all beyond `SERIES_MAX`."""

    values: Values
    value: float | Distribution
    overflow: bool = False


_BEYOND: Final = (OVERFLOW,)
"""The cell of what is beyond `SERIES_MAX`; no instrument has this for its attributes' values."""


class Instrument:
    """A name with its unit, its attributes and a sentence; `kind` says how it is read."""

    def __init__(self, kind: Kind, name: str, unit: str, meaning: str, attributes: Sequence[str] = ()) -> None:
        self.kind = kind
        self.name = name
        self.unit = unit
        self.meaning = meaning
        self.attributes = tuple(attributes)

    def points(self) -> list[Point]:
        """Return what there is now."""
        raise NotImplementedError

    def _checked(self, values: Values, known: int) -> Values:
        """Return under which values something new is to be kept."""
        assert len(values) == len(self.attributes), f"{self.name} has the attributes {self.attributes}, not {values}"
        return values if known < SERIES_MAX else _BEYOND


class Counter(Instrument):
    """Grows. Without attributes it is there from the start, at 0: what comes first is then seen as a growth."""

    def __init__(self, name: str, unit: str, meaning: str, attributes: Sequence[str] = ()) -> None:
        super().__init__(Kind.COUNTER, name, unit, meaning, attributes)
        self._lock = threading.Lock()
        self._cells: dict[Values, float] = {} if self.attributes else {(): 0}

    def add(self, amount: float, *values: str) -> None:
        """Add `amount` (not below 0), in the instrument's unit."""
        with self._lock:
            if values not in self._cells:
                values = self._checked(values, len(self._cells))
            self._cells[values] = self._cells.get(values, 0) + amount

    def points(self) -> list[Point]:
        """Return the sums so far."""
        with self._lock:
            return [Point(values, amount, values == _BEYOND) for values, amount in self._cells.items()]


class Histogram(Instrument):
    """Counts values by size. `forward` is told of each one too, where a collector wants its own account."""

    def __init__(
        self, name: str, unit: str, meaning: str, attributes: Sequence[str] = (), *, bounds: Sequence[float]
    ) -> None:
        super().__init__(Kind.HISTOGRAM, name, unit, meaning, attributes)
        self.bounds = tuple(map(float, bounds))
        self.forward: Callable[[float, Values], None] | None = None
        self._lock = threading.Lock()
        self._cells: dict[Values, Distribution] = {}

    def record(self, value: float, *values: str) -> None:
        """Count one value in the instrument's unit. Clocks that differ may give one below 0, which counts as 0."""
        if value < 0:
            value = 0.0
        if self.forward is not None:
            self.forward(value, values)
        with self._lock:
            cell = self._cells.get(values)
            if cell is None:
                values = self._checked(values, len(self._cells))
                cell = self._cells.setdefault(values, Distribution([0] * (len(self.bounds) + 1)))
            cell.counts[bisect_left(self.bounds, value)] += 1
            cell.sum += value

    def points(self) -> list[Point]:
        """Return the distributions so far."""
        with self._lock:
            found = [(values, Distribution(list(cell.counts), cell.sum)) for values, cell in self._cells.items()]
        return [Point(values, cell, values == _BEYOND) for values, cell in found]


Read = Callable[[], Iterable[tuple[float, Values]]]
"""Gives what there is at a reading: values with those of the attributes."""


class Observed(Instrument):
    """Asked for at each reading, from whoever knows: nothing is paid in between."""

    def __init__(self, kind: Kind, name: str, unit: str, meaning: str, attributes: Sequence[str] = ()) -> None:
        super().__init__(kind, name, unit, meaning, attributes)
        self._lock = threading.Lock()
        self._sources: list[Read] = []

    def observe(self, read: Read) -> Callable[[], None]:
        """Ask `read` at each reading from now on; return what ends that."""
        with self._lock:
            self._sources.append(read)

        def end() -> None:
            with self._lock:
                self._sources.remove(read)

        return end

    def points(self) -> list[Point]:
        """Ask; of two sources for the same attributes, the later one counts. One that fails is left out."""
        with self._lock:
            sources = list(self._sources)
        found: dict[Values, float] = {}
        for read in sources:
            try:
                found.update({self._checked(values, len(found)): value for value, values in read()})
            except Exception as error:  # whatever cannot be read, the other numbers are wanted all the same
                log.warning("%s cannot be read now: %s", self.name, error)
        return [Point(values, value, values == _BEYOND) for values, value in found.items()]
