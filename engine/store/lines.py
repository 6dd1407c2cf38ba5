"""Who gets what of limited resources: pure, so that it can be read and tested without a database.

Everybody takes all that they want together or nothing, and nobody overtakes: what somebody further ahead waits for is
kept back from those behind. So there is no deadlock, and no starvation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


def granted(free: Mapping[str, int], waiters: Iterable[Waiter]) -> tuple[list[Waiter], dict[str, int]]:
    """Return who is granted all that they wait for, in their order, and what is then left of each resource.

    What is left can be negative: kept back for those who wait. A waiter for a resource that is not in `free` keeps its
    part of the others back and is granted nothing.
    """
    left = dict(free)
    served: list[Waiter] = []
    for waiter in sorted(waiters, key=lambda waiter: (waiter.position, waiter.owner)):
        if all(left.get(resource, 0) >= units for resource, units in waiter.units.items()):
            served.append(waiter)
        for resource, units in waiter.units.items():
            if resource in left:
                left[resource] -= units
    return served, left
