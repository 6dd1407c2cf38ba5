"""When this executor's own future signals fall due; a sweep finds those of executors that are gone."""

import heapq
from collections.abc import Iterable
from datetime import datetime
from typing import Final

ALARMS_MAX: Final = 100_000


class Alarms:
    """A heap of moments and the runs to look at then. What does not fit is left to the sweep."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []

    def set(self, due_at: datetime, run_id: str) -> None:
        """Remember to look at the run at `due_at`."""
        if len(self._heap) < ALARMS_MAX:
            heapq.heappush(self._heap, (due_at, run_id))

    def due(self, now: datetime) -> Iterable[str]:
        """Give and forget the runs whose moment has come."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[1]

    @property
    def next(self) -> datetime | None:
        """The earliest moment, or None."""
        return self._heap[0][0] if self._heap else None
