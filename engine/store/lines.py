"""Who gets what of limited resources: pure, so that it can be read and tested without a database.

Everybody takes all that they want together or nothing. Nobody overtakes, with one exception that keeps everything
going: what has begun (a task run, or a child run) is not held up by those who wait for several resources at once. Such
a one keeps its part back only from runs that have not begun; else it could wait for the turn of the very run whose
task waits behind it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Owner(NamedTuple):
    """Who holds or waits: a run, or one task run of it (else empty)."""

    run_id: str
    task_run_id: str


@dataclass(frozen=True, slots=True)
class Waiter:
    """One who waits, with the units wanted of each resource. `position` orders the line."""

    owner: Owner
    units: Mapping[str, int]
    position: int
    begun: bool


@dataclass(slots=True)
class Ledger:
    """What is free while a line is served. `kept` is kept back from what has not begun."""

    free: dict[str, int]
    kept: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def fits(self, units: Mapping[str, int], *, begun: bool) -> bool:
        """Whether all the units are there to be taken."""
        return all(self._free(name) - (0 if begun else self.kept[name]) >= number for name, number in units.items())

    def take(self, units: Mapping[str, int], *, begun: bool) -> bool:
        """Take all the units if they are there, else keep them back for later. Return whether they were taken.

        Who wants one resource and finds it taken stands before all that come after; who wants several, or waits for
        such a one, only before what has not begun.
        """
        taken = self.fits(units, begun=begun)
        for name, number in units.items():
            if taken or (len(units) == 1 and self._free(name) < number):
                self.free[name] = self._free(name) - number
            else:
                self.kept[name] += number
        return taken

    def _free(self, name: str) -> int:
        return self.free.get(name, 0)


def serve(ledger: Ledger, waiters: Iterable[Waiter]) -> list[Waiter]:
    """Return who is granted all that they wait for, in their order; the ledger knows what is then left."""
    line = sorted(waiters, key=lambda waiter: (waiter.position, waiter.owner))
    return [waiter for waiter in line if ledger.take(waiter.units, begun=waiter.begun)]
