"""Making what is live equal to what a source holds. Level-triggered: every call looks at all there is.

The steps, in order: fetch, validate, plan, apply (one transaction), conditions. A call that finds nothing new writes
nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec

from dsl.diagnostics import in_order
from dsl.loader import LoadResult
from dsl.pool_kinds import PoolKinds
from engine.artifacts import Artifacts
from engine.clock import NewId
from engine.store import sources
from engine.store.activation import Settle
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.reads_live import Live, live
from engine.store.revisions import Origin
from engine.store.sources import SourceState
from engine.sync.apply import Applied, apply
from engine.sync.conditions import Findings, conditions, not_fetched
from engine.sync.fates import Fates, decide
from engine.sync.finding import find
from engine.sync.loading import SnapshotLoader
from engine.sync.plan import Plan
from engine.sync.source import FetchError, Relation, Snapshot, Source
from engine.sync.trees import Bundles

LOOKS_MAX: Final = 3
"""How often a sync looks again when another one has applied something in the meantime."""
DIAGNOSTICS_MAX: Final = 1_000
"""Diagnostics kept on the source; the terminal shows all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one sync found and did. `changed`: the plan was carried out, and was not empty."""

    state: SourceState
    plan: Plan = field(default_factory=Plan)
    applied: Applied = field(default_factory=Applied)
    loaded: LoadResult = field(default_factory=lambda: LoadResult(workflows=(), diagnostics=()))
    changed: bool = False
    new_files: int = 0
    """How many files were read for it."""


class Reconciler:
    """The sync of one source. Used by one thread; the source's row keeps other processes out while it applies."""

    def __init__(
        self,
        database: Database,
        source: Source,
        *,
        settle: Settle,
        ids: NewId,
        now: Callable[[], datetime],
        pool_kinds: PoolKinds | None = None,
        on_settled: Callable[[str], None] = lambda _: None,
        artifacts: Artifacts | None = None,
    ) -> None:
        self._bundles = Bundles(artifacts or Artifacts(""))
        self._database = database
        self._source = source
        self._settle = settle
        self._ids = ids
        self._now = now
        self._loader = SnapshotLoader(source.rules, pool_kinds, source.name)
        self._fates = Fates(database, source, now)
        self._on_settled = on_settled
        self._entered = False

    def reconcile(self) -> Outcome:
        """Do one sync. Raises what the store raises; then nothing was applied.

        `on_settled` hears the source's name when there is news of what becomes of its commits.
        """
        outcome = replace(self._reconcile(), new_files=self._loader.new_files)
        if self._fates.news():
            self._on_settled(self._source.name)
        return outcome

    def loader(self) -> SnapshotLoader:
        """Return a loader of its own that has loaded what this sync has. Called by any thread."""
        return self._loader.fork()

    def _reconcile(self) -> Outcome:
        self._enter()
        for number in range(LOOKS_MAX):
            try:
                outcome = self._look(again=number > 0)
            except FetchError as error:
                return self._not_fetched(error)
            if outcome is not None:
                self._fates.tidy()
                return outcome
            self._source.nudge()
        return self._not_fetched(FetchError("overtaken", "another server applies faster than this one can look"))

    def _look(self, *, again: bool) -> Outcome | None:
        """Do one sync; None to look again: what was read may be older than what another server has applied by now.

        What is older at the second look as well was moved back.
        """
        snapshot = self._source.fetch()
        self._fates.see(snapshot)
        with self._database.read() as connection:
            before = sources.load(connection, self._source.name)
            synced_at = sources.synced_at(connection, self._source.name)
        behind = self._behind(snapshot, before, synced_at)
        if behind and not again:
            return None
        loaded = self._loader.load(snapshot, self._live)
        if snapshot.version != before.seen_version and not behind and not self._loader.checks_out:
            return self._apply(before, snapshot, loaded, None)  # what is seen is written anyway: one plan is enough
        with self._database.read() as connection:
            found = self._find(connection, snapshot, loaded, before, behind)
        if _nothing_to_do(found):
            return self._note(before, found, snapshot, loaded)
        return self._apply(before, snapshot, loaded, self._checkout(found, snapshot))

    def _checkout(self, found: Findings, snapshot: Snapshot) -> str | None:
        """Have the source tree kept where a new revision wants it: a run may start as soon as that is live."""
        if snapshot.tree is None or not any(item.workflow.checks_out for item in found.plan.revised):
            return None
        return self._bundles.keep(snapshot.tree())

    def _behind(self, snapshot: Snapshot, before: SourceState, synced_at: datetime | None) -> str:
        """Return the live version where this one is older and may not take its place."""
        live = before.applied_version
        moved = before.line != snapshot.line  # somebody chose another branch, which may well be behind
        if snapshot.relation is None or live is None or moved or self._source.rules.allow_rewind:
            return ""
        return live if snapshot.relation(live, synced_at) is Relation.OLDER else ""

    def _live(self, names: Collection[str]) -> dict[str, Live]:
        with self._database.read() as connection:
            return live(connection, names)

    def _enter(self) -> None:
        if not self._entered:
            with self._database.write() as connection:
                sources.enter(connection, self._source.name, self._source.kind, self._source.config, self._now())
            self._entered = True

    def _not_fetched(self, error: FetchError) -> Outcome:
        with self._database.read() as connection:
            before = sources.load(connection, self._source.name)
        now = self._now()
        state = msgspec.structs.replace(before, conditions=not_fetched(before.conditions, error, now))
        self._store(before, state, now)
        self._fates.not_fetched(error)
        return Outcome(state)

    def _find(
        self, connection: Connection, snapshot: Snapshot, loaded: LoadResult, before: SourceState, behind: str = ""
    ) -> Findings:
        return find(connection, self._source.name, self._source.rules, snapshot, loaded, before, behind)

    def _apply(
        self, compared: SourceState, snapshot: Snapshot, loaded: LoadResult, checkout: str | None
    ) -> Outcome | None:
        """Plan with the source's row locked: what stood when a plan was made before may have moved.

        None where versions have an order, and the one live is no longer the one that was `compared`.
        """
        now = self._now()
        origin = Origin(self._source.name, snapshot.commit, snapshot.author, checkout)
        with self._database.write() as connection:
            before = sources.load(connection, self._source.name, lock=True)
            if snapshot.relation is not None and before.applied_version != compared.applied_version:
                return None
            found = self._find(connection, snapshot, loaded, before)
            applied = Applied()
            if not _nothing_to_do(found):
                applied = apply(connection, found.plan, origin, now, self._ids, self._settle)
            state = _state(before, found, snapshot, loaded, now)
            sources.store(connection, self._source.name, state, now)
            self._fates.settle(connection, snapshot, decide(found, state), now)
        return Outcome(state, found.plan, applied, loaded, changed=not _nothing_to_do(found))

    def _note(self, before: SourceState, found: Findings, snapshot: Snapshot, loaded: LoadResult) -> Outcome:
        now = self._now()
        state = _state(before, found, snapshot, loaded, now)
        decision = decide(found, state)
        if self._fates.owes(snapshot, decision):
            with self._database.write() as connection:
                sources.store(connection, self._source.name, state, now)
                self._fates.settle(connection, snapshot, decision, now)
        else:
            self._store(before, state, now)
        return Outcome(state, found.plan, Applied(), loaded)

    def _store(self, before: SourceState, after: SourceState, now: datetime) -> None:
        if after != before:
            with self._database.write() as connection:
                sources.store(connection, self._source.name, after, now)


def _nothing_to_do(found: Findings) -> bool:
    return found.plan.empty or found.rejected


def _state(before: SourceState, found: Findings, snapshot: Snapshot, loaded: LoadResult, now: datetime) -> SourceState:
    diagnostics = in_order([*loaded.diagnostics, *found.plan.diagnostics])
    return msgspec.structs.replace(
        before,
        conditions=conditions(before.conditions, found, now),
        diagnostics=diagnostics[:DIAGNOSTICS_MAX],
        seen_version=found.version,
        applied_version=before.applied_version if found.rejected else found.version,
        line=before.line if found.rejected else snapshot.line,
    )
