"""Retention of logs: which of them are too old or too many, by the rules of the installation, and away with them.

The age of a log is decided by the nearest rule that says one: of its workflow, of its namespace, of everything (`*`).
A size is a bound of its own: of a workflow's logs, of a namespace's together, of all together; the oldest go first.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from engine.settings import EVERYTHING, LogLimit
from engine.store.database import Database
from engine.store.logs_retention import (
    KeptLog,
    Scope,
    delete_logs,
    list_oldest_logs,
    list_scopes,
    measure_logs,
    stored_bytes,
)
from engine.store.retention import RUNS_MAX

log = logging.getLogger(__name__)

LATE: Final = timedelta(minutes=10)
"""How long after a run's end lines of it may still arrive: it is measured then."""
LOOK_MAX: Final = 500


class LogRetention:
    """One round over all logs. `stopping` says that the process is to end: what is left waits for the next round."""

    def __init__(
        self,
        database: Database,
        limits: Mapping[str, LogLimit],
        now: datetime,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._limits = limits
        self._now = now
        self._stopping = stopping

    def enforce(self) -> int:
        """Measure what is new, and delete what the rules say; return how many runs lost their log."""
        self._measure()
        if not self._limits:
            return 0
        with self._database.read() as connection:
            scopes = list_scopes(connection)
        removed = sum(self._too_old(seconds, ids) for seconds, ids in self._ages(scopes).items())
        removed += sum(
            self._too_many(limit.bytes_max, _within(rule, scopes))
            for rule, limit in self._limits.items()
            if limit.bytes_max is not None
        )
        if removed:
            log.info("the logs of %d runs were deleted by CHRONOVERSE_LOG_RETENTION", removed)
        return removed

    def _measure(self) -> None:
        while not self._stopping():
            with self._database.write() as connection:
                if measure_logs(connection, self._now - LATE) == 0:
                    return

    def _ages(self, scopes: Sequence[Scope]) -> dict[float, list[str]]:
        """Return the workflows that have an age to keep, by that."""
        ages: dict[float, list[str]] = defaultdict(list)
        for scope in scopes:
            rules = (f"{scope.namespace}/{scope.name}", scope.namespace, EVERYTHING)
            said = (self._limits[rule].age_seconds for rule in rules if rule in self._limits)
            age = next((seconds for seconds in said if seconds is not None), None)
            if age is not None:
                ages[age].append(scope.workflow_id)
        return ages

    def _too_old(self, seconds: float, workflow_ids: Collection[str]) -> int:
        before, removed = self._now - timedelta(seconds=seconds), 0
        while found := self._oldest(workflow_ids, before):
            removed += self._delete(found)
            if self._stopping():
                break
        return removed

    def _too_many(self, bytes_max: int, workflow_ids: Collection[str] | None) -> int:
        with self._database.read() as connection:
            surplus = stored_bytes(connection, workflow_ids) - bytes_max
        removed = 0
        while surplus > 0 and not self._stopping() and (found := self._oldest(workflow_ids, None)):
            going = []
            for each in found:
                if surplus <= 0:
                    break
                going.append(each)
                surplus -= each.bytes or 0
            removed += self._delete(going)
        return removed

    def _oldest(self, workflow_ids: Collection[str] | None, before: datetime | None) -> list[KeptLog]:
        with self._database.read() as connection:
            return list_oldest_logs(connection, workflow_ids, finished_before=before, limit=LOOK_MAX)

    def _delete(self, logs: Sequence[KeptLog]) -> int:
        """Delete logs, a bite a transaction; return how many are gone."""
        for start in range(0, len(logs), RUNS_MAX):
            run_ids = [each.run_id for each in logs[start : start + RUNS_MAX]]
            gone = False
            while not gone:
                if self._stopping():
                    return start
                with self._database.write() as connection:
                    gone = delete_logs(connection, run_ids, self._now)
        return len(logs)


def _within(rule: str, scopes: Sequence[Scope]) -> list[str] | None:
    """Return the workflows that a rule is about, None for all."""
    if rule == EVERYTHING:
        return None
    return [each.workflow_id for each in scopes if rule in (each.namespace, f"{each.namespace}/{each.name}")]
