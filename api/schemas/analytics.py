"""Figures of workflows and namespaces over time."""

from datetime import datetime
from typing import Self

from api.schemas.base import Answer
from engine.analytics import Figures, Histogram, Width
from engine.machine.states import RunState


class Distribution(Answer, frozen=True, kw_only=True):
    """How long something took, in seconds. Mean and maximum are exact, percentiles as exact as `accuracy` says."""

    count: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, histogram: Histogram) -> Self | None:
        """Return the distribution of a histogram, None for that of nothing."""
        if not histogram.counts:
            return None
        p50, p90, p95, p99 = (round(seconds, 6) for seconds in histogram.percentiles(0.5, 0.9, 0.95, 0.99))
        mean, longest = round(histogram.mean_seconds, 6), round(histogram.max_seconds, 6)
        return cls(count=histogram.total, mean=mean, p50=p50, p90=p90, p95=p95, p99=p99, max=longest)


class Checks(Answer, frozen=True, kw_only=True):
    """Health checks (`heartbeat` tasks): how many, how many found all well, and the share of these: the uptime."""

    count: int
    up: int
    uptime: float

    @classmethod
    def of(cls, figures: Figures) -> Self | None:
        """Return the checks among the figures, None where there were none."""
        if not figures.checks:
            return None
        return cls(count=figures.checks, up=figures.checks_up, uptime=figures.checks_up / figures.checks)


class AnalyticsFigures(Answer, frozen=True, kw_only=True):
    """What is known of the runs that ended in a time; null is what nothing is known of.

    `runs` by their last state. `success_rate` is the share of `succeeded` in those that succeeded or failed. `duration`
    of a run from start to end; `queue_wait` from its creation to its start; `task_wait` from when an attempt was queued
    until a worker began it; `lateness` from a schedule's nominal time to the run's creation (backfills do not count).
    """

    runs: dict[RunState, int]
    success_rate: float | None
    duration: Distribution | None
    queue_wait: Distribution | None
    task_wait: Distribution | None
    lateness: Distribution | None
    checks: Checks | None

    @classmethod
    def of(cls, figures: Figures) -> Self:
        """Return figures as they are shown."""
        runs = {RunState(state): number for state, number in sorted(figures.runs.items())}
        decided = runs.get(RunState.SUCCEEDED, 0) + runs.get(RunState.FAILED, 0)
        return cls(
            runs=runs,
            success_rate=runs.get(RunState.SUCCEEDED, 0) / decided if decided else None,
            duration=Distribution.of(figures.duration),
            queue_wait=Distribution.of(figures.queue_wait),
            task_wait=Distribution.of(figures.task_wait),
            lateness=Distribution.of(figures.lateness),
            checks=Checks.of(figures),
        )


class AnalyticsItem(Answer, frozen=True, kw_only=True):
    """The figures of one hour or day (UTC), which began at `starts_at`."""

    starts_at: datetime
    figures: AnalyticsFigures


class Analytics(Answer, frozen=True, kw_only=True):
    """Figures of a workflow, a namespace, or (both null) all: of all the time asked for, and of each hour or day.

    Hours and days in which nothing ended are left out. `since` and `until` are when the first begins and the last ends.
    `accuracy` is by which share of its value a percentile is off at most. `pending` is how many ended runs, of all
    workflows, are not counted yet.
    """

    workflow: str | None
    namespace: str | None
    by: Width
    since: datetime
    until: datetime
    accuracy: float
    pending: int
    total: AnalyticsFigures
    items: list[AnalyticsItem]
