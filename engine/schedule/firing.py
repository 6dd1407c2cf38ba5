"""When a schedule fires. Moments are aware and in UTC; nothing here reads a clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from dsl.model import CronTrigger, EveryTrigger, Schedule
from engine.schedule.cron import read_cron
from engine.schedule.local_time import LocalRule, next_moment

HORIZON: Final = timedelta(days=12 * 366)
"""How far ahead a cron firing is looked for: the 29th of February can be eight years away (1896 to 1904)."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_TICK: Final = timedelta(microseconds=1)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Firing:
    """One nominal time of a schedule. `shifted`: the local time asked for was skipped; it fires when the gap ends."""

    nominal: datetime
    shifted: bool = False


def next_fire(trigger: Schedule, after: datetime, anchor: datetime) -> Firing | None:
    """Return the first firing after `after`, or None when there is none within `HORIZON`.

    `anchor` is the trigger's first activation: `every` counts from it unless it has a `starts_at`.
    """
    return _first_from(trigger, after + _TICK, anchor) if after < _LATEST else None


def first_fire(trigger: Schedule, start: datetime, anchor: datetime) -> Firing | None:
    """Return the first firing at or after `start`, or None when there is none within `HORIZON`."""
    return _first_from(trigger, start, anchor)


def fires_between(
    trigger: Schedule, start: datetime, end: datetime, limit: int, anchor: datetime | None = None
) -> list[Firing]:
    """Return the first `limit` firings in [start, end), in order. Without an `anchor`, `every` counts from `start`."""
    anchor = start if anchor is None else anchor
    found: list[Firing] = []
    firing = first_fire(trigger, start, anchor)
    while firing is not None and firing.nominal < end and len(found) < limit:
        found.append(firing)
        firing = next_fire(trigger, firing.nominal, anchor)
    return found


def latest_fire(trigger: Schedule, start: datetime, end: datetime, anchor: datetime) -> Firing | None:
    """Return the last firing in [start, end]. Costs the logarithm of the time since then, not of the firings."""
    first = first_fire(trigger, start, anchor)
    if first is None or first.nominal > end:
        return None
    behind = _SECOND
    while (firing := first_fire(trigger, max(end - behind, start), anchor)) is None or firing.nominal > end:
        behind = min(behind * 2, end - start)
    # Halve between a moment with a firing from then on and one without.
    low, high = firing.nominal, end
    while high - low > _TICK:
        middle = low + (high - low) / 2
        later = next_fire(trigger, middle, anchor)
        if later is None or later.nominal > end:
            high = middle
        else:
            firing, low = later, later.nominal
    return firing


def _first_from(trigger: Schedule, start: datetime, anchor: datetime) -> Firing | None:
    if trigger.starts_at is not None:
        start = max(start, trigger.starts_at)
    match trigger:
        case CronTrigger():
            found = _cron(trigger, start)
        case EveryTrigger():
            found = _every(trigger, start, anchor if trigger.starts_at is None else trigger.starts_at)
        case _:
            assert_never(trigger)
    if found is None or (trigger.ends_at is not None and found.nominal >= trigger.ends_at):
        return None
    return found


def _cron(trigger: CronTrigger, start: datetime) -> Firing | None:
    first = -((_EPOCH - start) // _SECOND)
    end = first + HORIZON // _SECOND
    rule = LocalRule(trigger.timezone, trigger.gap, trigger.overlap)
    found = [next_moment(read_cron(text), rule, first, end) for text in trigger.expressions]
    earliest = min((moment for moment in found if moment is not None), default=None)
    return None if earliest is None else Firing(_EPOCH + earliest.at * _SECOND, earliest.shifted)


def _every(trigger: EveryTrigger, start: datetime, anchor: datetime) -> Firing | None:
    period = timedelta(seconds=trigger.every_seconds)
    assert period > timedelta(0)
    periods = max(0, -((anchor - start) // period))
    if periods > (_LATEST - anchor) // period:
        return None
    return Firing(anchor + periods * period)
