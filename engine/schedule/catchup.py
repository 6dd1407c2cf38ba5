"""What a due schedule does: fire, and settle what was missed while nobody was looking."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from dsl.model import Catchup, Schedule
from engine.schedule.firing import Firing, fires_between, latest_fire, next_fire
from engine.schedule.jitter import jitter_offset

IN_TIME: Final = timedelta(seconds=60)
"""The newest due time counts as in time when it is no later than this: a restart is not an outage."""

STALL: Final = timedelta(seconds=5)
"""An older due time counts as in time when it is no later than this: a hiccup of the scheduler misses nothing."""

CATCHUP_FIRINGS_MAX: Final = 100
"""Firings that one catch-up makes at most; older ones are dropped."""

SETTLED_MAX: Final = 200
"""Nominal times that are settled one by one; all older ones share one record."""

_TICK: Final = timedelta(microseconds=1)


class Verdict(StrEnum):
    """What becomes of a nominal time; the words are those of the fire ledger."""

    RUN = "run"
    """Fires in time."""
    CAUGHT_UP = "caught_up"
    """Was missed, and fires now."""
    SKIPPED = "skipped"
    """Was missed, and the trigger's `catchup` does not want it."""
    DROPPED = "dropped"
    """Was missed, and is beyond what is caught up at most."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One nominal time and its verdict; the message says why it does not fire, or stands for how many."""

    nominal: datetime
    verdict: Verdict
    message: str = ""

    @property
    def fires(self) -> bool:
        """Whether a run is to be created."""
        return self.verdict in {Verdict.RUN, Verdict.CAUGHT_UP}


@dataclass(frozen=True, slots=True)
class Due:
    """What to do now, oldest first, and when the trigger is next due (both None: never again)."""

    settled: tuple[Settled, ...]
    next_fire_time: datetime | None
    next_at: datetime | None


def next_times(
    trigger: Schedule, anchor: datetime, after: datetime, key: str
) -> tuple[datetime, datetime] | tuple[None, None]:
    """Return the first nominal time after `after` and when it is due, its jitter added. `key` names the trigger."""
    return _timed(trigger, next_fire(trigger, after, anchor), key)


def due(trigger: Schedule, next_fire_time: datetime, now: datetime, anchor: datetime, key: str = "") -> Due:
    """Settle every nominal time from `next_fire_time` on that has come by `now`.

    Times fire in their order: one whose jitter is not over holds up those behind it. The result is bounded, however
    long the outage was; `key` names the trigger, for the jitter.
    """
    due_at = _due_at(trigger, next_fire_time, key)
    if due_at > now:
        return Due((), next_fire_time, due_at)
    following = next_times(trigger, anchor, next_fire_time, key)
    if following[1] is None or following[1] > now:
        return Due(tuple(_verdicts(trigger, [next_fire_time], now)), *following)  # almost always only one has come
    newest = _newest_due(trigger, next_fire_time, now, anchor, key)
    times, more = _times_until(trigger, next_fire_time, newest, anchor)
    settled = _verdicts(trigger, times, now)
    if more:
        settled.insert(0, _those_before(trigger, next_fire_time, times[0]))
    return Due(tuple(settled), *next_times(trigger, anchor, newest, key))


def _due_at(trigger: Schedule, nominal: datetime, key: str) -> datetime:
    return nominal + jitter_offset(key, nominal, trigger.jitter_seconds)


def _newest_due(trigger: Schedule, first: datetime, now: datetime, anchor: datetime, key: str) -> datetime:
    """Return the last nominal time that has come, its jitter over and that of all before it; `first` has come."""
    surely = max(first, now - timedelta(seconds=trigger.jitter_seconds))
    found = latest_fire(trigger, first, surely, anchor)
    newest = first if found is None else found.nominal
    while (firing := next_fire(trigger, newest, anchor)) is not None and _due_at(trigger, firing.nominal, key) <= now:
        newest = firing.nominal
    return newest


def _times_until(trigger: Schedule, first: datetime, newest: datetime, anchor: datetime) -> tuple[list[datetime], bool]:
    """Return the last `SETTLED_MAX` nominal times in [first, newest], oldest first, and whether there are more."""
    known = [item.nominal for item in fires_between(trigger, first, newest, SETTLED_MAX, anchor)]
    if len(known) < SETTLED_MAX:
        return [*known, newest], False
    times = [newest]
    while len(times) < SETTLED_MAX:
        before = latest_fire(trigger, first, times[-1] - _TICK, anchor)
        assert before is not None
        times.append(before.nominal)
    return times[::-1], True


def _verdicts(trigger: Schedule, times: list[datetime], now: datetime) -> list[Settled]:
    """Return what becomes of each time; the last one is the newest."""
    settled = []
    for behind, nominal in zip(reversed(range(len(times))), times, strict=True):
        in_time = _in_time(trigger, nominal, now, newest=behind == 0)
        if behind < CATCHUP_FIRINGS_MAX and (in_time or _caught_up(trigger.catchup, newest=behind == 0)):
            settled.append(Settled(nominal, Verdict.RUN if in_time else Verdict.CAUGHT_UP))
        else:
            settled.append(Settled(nominal, *_without_run(trigger.catchup)))
    return settled


def _in_time(trigger: Schedule, nominal: datetime, now: datetime, *, newest: bool) -> bool:
    """Whether the time was not missed. The longest jitter counts, since an earlier firing may hold this one up."""
    late = now - nominal - timedelta(seconds=trigger.jitter_seconds)
    return late <= (IN_TIME if newest else STALL)


def _caught_up(catchup: Catchup, *, newest: bool) -> bool:
    match catchup:
        case Catchup.NONE:
            return False
        case Catchup.LATEST:
            return newest
        case Catchup.ALL:
            return True
        case _:
            assert_never(catchup)


def _without_run(catchup: Catchup) -> tuple[Verdict, str]:
    match catchup:
        case Catchup.NONE:
            return Verdict.SKIPPED, "missed, and not caught up (catchup: none)"
        case Catchup.LATEST:
            return Verdict.SKIPPED, "missed; a later time is caught up in its place (catchup: latest)"
        case Catchup.ALL:
            return Verdict.DROPPED, f"missed; only the newest {CATCHUP_FIRINGS_MAX} are caught up (catchup: all)"
        case _:
            assert_never(catchup)


def _those_before(trigger: Schedule, first: datetime, behind: datetime) -> Settled:
    """Return the one record that stands for every time from `first` up to the first that has its own."""
    verdict, message = _without_run(trigger.catchup)
    return Settled(first, verdict, f"{message}; so were all times from this one until {behind:%Y-%m-%dT%H:%M:%SZ}")


def _timed(trigger: Schedule, firing: Firing | None, key: str) -> tuple[datetime, datetime] | tuple[None, None]:
    return (None, None) if firing is None else (firing.nominal, _due_at(trigger, firing.nominal, key))
