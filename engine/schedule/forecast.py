"""What would fire over a range of time, and what a concurrency limit would do about it. Pure; reads no clock.

Assumed, since it cannot be known without a server: every run takes the same given time; firings are at their nominal
times (jitter depends on the server's ids); all runs of a workflow share one concurrency key, which is so where it is
constant, and told where it holds an expression; nothing runs at the start of the range; a trigger's `if` holds;
`every` without `starts_at` counts from the start of the range.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Final, assert_never

from dsl.expressions.template import split_template
from dsl.model import Concurrency, CronTrigger, EveryTrigger, Overlap, Schedule, Workflow
from engine.schedule.firing import first_fire, next_fire

FIRINGS_MAX: Final = 10_000
"""The most firings that one forecast has."""

LEFT_OUT_MAX: Final = 10_000
"""How far the firings beyond a forecast's limit are counted."""


class Effect(StrEnum):
    """What becomes of a firing under its workflow's concurrency limit."""

    STARTS = "starts"
    WAITS = "waits"
    """The limit is reached and `overlap` is `queue`: it starts when an earlier run ends."""
    SKIPPED = "skipped"
    """The limit is reached and `overlap` is `skip`."""
    REPLACES = "replaces"
    """The limit is reached and `overlap` is `cancel_running`: the oldest run is stopped for it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One firing. `start` and `end` of its run are None where there is no run, or no known duration (`end`)."""

    workflow: str
    trigger: str
    nominal: datetime
    timezone: str
    shifted: bool
    jitter_seconds: float
    effect: Effect
    start: datetime | None
    end: datetime | None

    @property
    def collides(self) -> bool:
        """Whether the limit was reached when it fired."""
        return self.effect is not Effect.STARTS


@dataclass(frozen=True, slots=True)
class Forecast:
    """The firings in order of time.

    `left_out` is how many more there are in the range, counted up to `LEFT_OUT_MAX`. `unanchored` are the triggers
    (`namespace/workflow/trigger`) whose phase only a server knows; `unlimited` are workflows whose collisions were not
    looked for, `keyed` those whose `concurrency.key` holds an expression, so that some of their collisions may be none.
    """

    firings: tuple[Planned, ...]
    left_out: int
    unanchored: tuple[str, ...]
    unlimited: tuple[str, ...]
    keyed: tuple[str, ...]

    @property
    def truncated(self) -> bool:
        """Whether there are more firings in the range."""
        return self.left_out > 0

    @property
    def left_out_shown(self) -> str:
        """How many firings were left out, in words."""
        return f"at least {self.left_out:,}" if self.left_out == LEFT_OUT_MAX else f"{self.left_out:,}"


def forecast(
    workflows: Sequence[Workflow], start: datetime, end: datetime, limit: int, duration_seconds: float | None = None
) -> Forecast:
    """Return the first `limit` firings in [start, end) of all schedules.

    A run takes `duration_seconds`; without that its workflow's timeout, and without either collisions of the workflow
    are not looked for. `limit` is at most `FIRINGS_MAX`.
    """
    by_name = {f"{workflow.namespace}/{workflow.name}": workflow for workflow in workflows}
    streams = [
        _stream(name, key, trigger, start, end)
        for name, workflow in by_name.items()
        for key, trigger in workflow.triggers.items()
        if isinstance(trigger, Schedule)
    ]
    stream = merge(*streams, key=_order)
    firings = list(islice(stream, min(limit, FIRINGS_MAX)))
    left_out = sum(1 for _ in islice(stream, LEFT_OUT_MAX))
    durations = {
        name: workflow.timeout_seconds if duration_seconds is None else duration_seconds
        for name, workflow in by_name.items()
    }
    indexes: dict[str, list[int]] = {}
    for index, item in enumerate(firings):
        indexes.setdefault(item.workflow, []).append(index)
    for name, own in indexes.items():
        _play(firings, own, by_name[name].concurrency, durations[name])
    unlimited = [name for name, item in by_name.items() if item.concurrency is not None and durations[name] is None]
    keyed = tuple(name for name in indexes if _has_open_key(by_name[name]))
    return Forecast(tuple(firings), left_out, tuple(_unanchored(by_name)), tuple(unlimited), keyed)


def _has_open_key(workflow: Workflow) -> bool:
    """Whether runs of the workflow may have different concurrency keys: what an expression gives is not known here."""
    key = None if workflow.concurrency is None else workflow.concurrency.key
    return isinstance(key, str) and any(part.expression for part in split_template(key))


def _unanchored(workflows: Mapping[str, Workflow]) -> Iterator[str]:
    for name, workflow in workflows.items():
        for key, trigger in workflow.triggers.items():
            if isinstance(trigger, EveryTrigger) and trigger.starts_at is None:
                yield f"{name}/{key}"


def _order(item: Planned) -> tuple[datetime, str, str]:
    return item.nominal, item.workflow, item.trigger


def _stream(name: str, key: str, trigger: Schedule, start: datetime, end: datetime) -> Iterator[Planned]:
    timezone = trigger.timezone if isinstance(trigger, CronTrigger) else "UTC"
    firing = first_fire(trigger, start, start)
    while firing is not None and firing.nominal < end:
        at = firing.nominal
        yield Planned(name, key, at, timezone, firing.shifted, trigger.jitter_seconds, Effect.STARTS, at, None)
        firing = next_fire(trigger, at, start)


def _play(firings: list[Planned], own: list[int], concurrency: Concurrency | None, seconds: float | None) -> None:
    """Give the firings of one workflow the ends of their runs, and what its limit does about them."""
    if seconds is None:
        return
    duration = timedelta(seconds=seconds)
    running = deque[int]()  # what runs or waits; all take equally long, so those that start first end first
    for index in own:
        item = firings[index]
        while running and _end(firings[running[0]]) <= item.nominal:
            running.popleft()
        if concurrency is None or len(running) < concurrency.limit:
            firings[index] = replace(item, end=_after(item.nominal, duration))
        else:
            _collide(firings, index, running, concurrency, duration)
        if firings[index].start is not None:
            running.append(index)


def _collide(
    firings: list[Planned], index: int, running: deque[int], concurrency: Concurrency, duration: timedelta
) -> None:
    item = firings[index]
    match concurrency.overlap:
        case Overlap.QUEUE:
            begin = _end(firings[running[-concurrency.limit]])  # ends come in the order of starts
            firings[index] = replace(item, effect=Effect.WAITS, start=begin, end=_after(begin, duration))
        case Overlap.SKIP:
            firings[index] = replace(item, effect=Effect.SKIPPED, start=None)
        case Overlap.CANCEL_RUNNING:
            oldest = running.popleft()
            firings[oldest] = replace(firings[oldest], end=item.nominal)
            firings[index] = replace(item, effect=Effect.REPLACES, end=_after(item.nominal, duration))
        case _:
            assert_never(concurrency.overlap)


def _end(item: Planned) -> datetime:
    assert item.end is not None
    return item.end


def _after(moment: datetime, duration: timedelta) -> datetime:
    """Return the moment that much later, or the calendar's last one."""
    latest = datetime.max.replace(tzinfo=UTC)
    return latest if duration > latest - moment else moment + duration
