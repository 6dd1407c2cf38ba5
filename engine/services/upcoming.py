"""The firings to come of a workflow's schedules."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import msgspec

from dsl.model import Schedule
from engine.schedule import first_fire, next_fire
from engine.store.reads_workflows import TriggerRow
from engine.store.triggers import SCHEDULE_KINDS


@dataclass(frozen=True, slots=True, order=True)
class ToCome:
    """One nominal time of one trigger."""

    fire_time: datetime
    trigger: str


def upcoming(triggers: Iterable[TriggerRow], now: datetime, limit: int) -> list[ToCome]:
    """Return the next `limit` firings of all schedules among the triggers, the earliest first.

    A firing that is due and not done yet is the first of its trigger.
    """
    return list(islice(heapq.merge(*(_of(row, now) for row in triggers if row.kind in SCHEDULE_KINDS)), limit))


def _of(row: TriggerRow, now: datetime) -> Iterator[ToCome]:
    schedule: Schedule = msgspec.convert(row.spec, Schedule)
    firing = first_fire(schedule, row.next_fire_time or now, row.anchor_at)
    while firing is not None:
        yield ToCome(firing.nominal, row.name)
        firing = next_fire(schedule, firing.nominal, row.anchor_at)
