"""Backfills: the nominal times of a range that has passed, and which of them are run."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from dsl.model import EveryTrigger, Schedule
from engine.backfilling import Policy, Why
from engine.schedule.firing import fires_between


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest run of a nominal time, retries included."""

    run_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a backfill does with one nominal time. `newest` is the run that it already has."""

    fire_time: datetime
    runs: bool
    why: Why
    newest: Newest | None = None

    @property
    def message(self) -> str:
        """The decision to a person."""
        run = "" if self.newest is None else f": run {self.newest.run_id} {_SAID.get(self.newest.state, 'has begun')}"
        return f"{_TEXTS[self.why]}{run}"


_TEXTS: Final = {
    Why.MISSING: "nothing ran for it",
    Why.FAILED: "its newest run did not succeed",
    Why.SUCCEEDED: "it has succeeded",
    Why.ON_ITS_WAY: "it is on its way",
    Why.UPCOMING: "the schedule itself is about to fire it",
}
_SAID: Final = {
    "queued": "is queued",
    "running": "is running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
}


def decide(policy: Policy, fire_time: datetime, newest: Newest | None, upcoming_from: datetime | None) -> Decision:
    """Return what becomes of a time. The schedule itself fires what comes at or after `upcoming_from`."""
    if upcoming_from is not None and fire_time >= upcoming_from:
        return Decision(fire_time, runs=False, why=Why.UPCOMING)
    why = _standing(newest)
    return Decision(fire_time, runs=_wanted(policy, why), why=why, newest=newest)


def _standing(newest: Newest | None) -> Why:
    match None if newest is None else newest.state:
        case None | "skipped":
            return Why.MISSING
        case "succeeded":
            return Why.SUCCEEDED
        case "failed" | "cancelled":
            return Why.FAILED
        case _:
            return Why.ON_ITS_WAY


def _wanted(policy: Policy, why: Why) -> bool:
    match policy:
        case Policy.MISSING:
            return why is Why.MISSING
        case Policy.FAILED:
            return why in {Why.MISSING, Why.FAILED}
        case Policy.ALL:
            return why is not Why.ON_ITS_WAY
        case _:
            assert_never(policy)


def past_times(trigger: Schedule, start: datetime, end: datetime, limit: int, anchor: datetime) -> tuple[datetime, ...]:
    """Return the first `limit` nominal times in [start, end), in order.

    Local times that were skipped or came twice are settled as they are for live firings; jitter has no part in it. An
    `every` that counts from its first activation (`anchor`) keeps that phase before it too: a range from before the
    workflow was there has times. `starts_at` and `ends_at` bound a backfill as they bound the schedule.
    """
    if isinstance(trigger, EveryTrigger) and trigger.starts_at is None:
        anchor = _moved_back(anchor, start, timedelta(seconds=trigger.every_seconds))
    return tuple(firing.nominal for firing in fires_between(trigger, start, end, limit, anchor))


def _moved_back(anchor: datetime, start: datetime, period: timedelta) -> datetime:
    """Return the moment of the anchor's phase that comes first at or after `start`; an earlier anchor stays."""
    return anchor - max(anchor - start, timedelta(0)) // period * period
