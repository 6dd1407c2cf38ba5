"""The janitor: deletes old data in bounded bites, once an hour."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from engine.accounts.throttle import KEPT as FAILURES_KEPT
from engine.artifacts import CHECKOUTS, ArtifactError, Artifacts
from engine.clock import Clock, system_clock
from engine.services.log_retention import LogRetention
from engine.services.rollup import forget_old_figures
from engine.services.service import LoopService
from engine.settings import LogLimit
from engine.store import retention, throttle
from engine.store.artifacts import gone_runs
from engine.store.audit import forget_audit
from engine.store.cache_entries import forget_expired
from engine.store.commits import forget_commits, give_up
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.feed import forget_events
from engine.store.revisions import checkouts_in_use
from engine.store.sessions import forget_sessions
from engine.store.webhooks import forget_deliveries

if TYPE_CHECKING:
    from engine.artifacts.store import ArtifactStore

log = logging.getLogger(__name__)

TURN_SECONDS: Final = 3600.0
KEYS_KEPT: Final = timedelta(hours=24)
SESSIONS_KEPT: Final = timedelta(days=1)
UNDECIDED_KEPT: Final = timedelta(hours=1)
"""How long a commit is pending at most; whoever syncs its source decides it much sooner."""
LOOK_MAX: Final = 500
CHECKOUTS_KEPT: Final = timedelta(days=1)


class Janitor(LoopService):
    """The loop of retention; one process at a time runs it."""

    name = "janitor"

    def __init__(
        self,
        database: Database,
        *,
        retention_days: float = 90.0,
        event_retention_days: float = 14.0,
        audit_retention_days: float = 365.0,
        log_limits: Mapping[str, LogLimit] | None = None,
        artifacts: Artifacts | None = None,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__()
        self._artifacts = artifacts or Artifacts("")
        self._database = database
        self._kept = timedelta(days=retention_days)
        self._events_kept = timedelta(days=event_retention_days)
        self._audit_kept = timedelta(days=audit_retention_days)
        self._log_limits = log_limits or {}
        self._clock = clock

    def clean(self) -> int:
        """Delete what is too old, a bite a transaction; return how many runs went."""
        with self._database.exclusive("janitor") as mine:
            if not mine:
                return 0
            now = self._database.now()
            deleted = self._delete_runs(now - self._kept)
            self._repeat(lambda connection: retention.delete_firings(connection, now - self._kept))
            self._repeat(lambda connection: retention.delete_backfills(connection, now - self._kept))
            self._repeat(lambda connection: retention.delete_idempotency_keys(connection, now - KEYS_KEPT))
            self._repeat(lambda connection: forget_events(connection, now - self._events_kept))
            self._repeat(lambda connection: forget_deliveries(connection, now - self._events_kept))
            self._repeat(lambda connection: forget_audit(connection, now - self._audit_kept))
            self._repeat(lambda connection: throttle.forget_before(connection, now - FAILURES_KEPT))
            self._repeat(retention.delete_idle_resources)
            self._repeat(lambda connection: forget_expired(connection, now))
            self._repeat(lambda connection: give_up(connection, now - UNDECIDED_KEPT, now))
            self._repeat(forget_commits)
            forget_old_figures(self._database, now, lambda: self.stopping)
            LogRetention(self._database, self._log_limits, now, lambda: self.stopping).enforce()
            with self._database.write() as connection:
                forget_sessions(connection, now - SESSIONS_KEPT)
            self._forget_artifacts()
        if deleted:
            log.info("%d runs older than %s were deleted", deleted, self._kept)
        return deleted

    def _delete_runs(self, before: datetime) -> int:
        deleted = 0
        while not self.stopping:
            with self._database.write() as connection:
                bite = retention.delete_runs(connection, before)
            deleted += bite.runs
            if bite.rows == 0:
                break
        return deleted

    def _forget_artifacts(self) -> None:
        """Delete the files of runs that are gone. Runs have rows before they have files, so none is too young."""
        if self._artifacts.untouched:
            return
        try:
            store = self._artifacts.open()
            kept = [run_id for run_id in store.runs() if run_id != CHECKOUTS]
            for start in range(0, len(kept), LOOK_MAX):
                with self._database.read() as connection:
                    gone = gone_runs(connection, kept[start : start + LOOK_MAX])
                for run_id in gone:
                    store.forget(run_id)
            self._forget_checkouts(store)
        except ArtifactError as error:
            log.warning("files of deleted runs stay for now: %s", error)

    def _forget_checkouts(self, store: "ArtifactStore") -> None:
        """Delete source trees that no run can ask for; a new one may be there before its revision is."""
        old = store.kept_before(CHECKOUTS, self._database.now() - CHECKOUTS_KEPT)
        for start in range(0, len(old), LOOK_MAX):
            asked = old[start : start + LOOK_MAX]
            with self._database.read() as connection:
                needed = checkouts_in_use(connection, asked)
            for digest in set(asked) - needed:
                store.forget_one(CHECKOUTS, digest)

    def _repeat(self, delete: Callable[[Connection], int]) -> None:
        while not self.stopping:
            with self._database.write() as connection:
                if delete(connection) == 0:
                    break

    def turn(self) -> None:
        """Clean; the first cleaning comes a turn after the start."""
        if self.pause(TURN_SECONDS):
            self.clean()
