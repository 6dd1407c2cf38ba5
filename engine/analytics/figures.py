"""The figures of a workflow or a namespace over some time."""

from datetime import datetime
from typing import Self

import msgspec

from engine.analytics.histogram import Histogram


class Figures(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of runs that ended in the same time. All of it can be added up.

    `runs` by their last state. `duration` from start to end. `queue_wait` from a run's creation to its start,
    `task_wait` from when an attempt was queued until a worker began it. `lateness` from a schedule's nominal time to
    the run's creation. `checks` of heartbeat tasks, `checks_up` those that found all well.
    """

    runs: dict[str, int] = msgspec.field(default_factory=dict)
    duration: Histogram = msgspec.field(default_factory=Histogram)
    queue_wait: Histogram = msgspec.field(default_factory=Histogram)
    task_wait: Histogram = msgspec.field(default_factory=Histogram)
    lateness: Histogram = msgspec.field(default_factory=Histogram)
    checks: int = 0
    checks_up: int = 0

    def count_run(
        self, state: str, created_at: datetime, started_at: datetime | None, finished_at: datetime | None
    ) -> None:
        """Count a run that has ended."""
        self.runs[state] = self.runs.get(state, 0) + 1
        if started_at is not None:
            self.queue_wait.add((started_at - created_at).total_seconds())
            if finished_at is not None:
                self.duration.add((finished_at - started_at).total_seconds())

    def merge(self, other: Self) -> None:
        """Take in all that another one has."""
        for state, count in other.runs.items():
            self.runs[state] = self.runs.get(state, 0) + count
        self.duration.merge(other.duration)
        self.queue_wait.merge(other.queue_wait)
        self.task_wait.merge(other.task_wait)
        self.lateness.merge(other.lateness)
        self.checks += other.checks
        self.checks_up += other.checks_up
