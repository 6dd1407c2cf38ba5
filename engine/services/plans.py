"""What applying files to a source would do, workflow by workflow, and what that means for triggers and runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from dsl.diagnostics import Diagnostic
from dsl.loader import LoadedWorkflow
from dsl.pool_kinds import PoolKinds
from engine.clock import Clock
from engine.services.refusals import ConflictError, UnknownError
from engine.services.upcoming import upcoming
from engine.store import activation
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.reads_plans import InFlight, in_flight, paused
from engine.store.reads_sources import SourceRow, read_source
from engine.store.reads_workflows import TriggerRow, read_triggers
from engine.store.revisions import Standing
from engine.sync.differences import FieldChange
from engine.sync.loading import SnapshotLoader
from engine.sync.plan import Plan, key_of
from engine.sync.preview import Preview, preview, preview_snapshot
from engine.sync.source import FetchError, Relation, Snapshot, Source

FIRINGS_SHOWN: Final = 3
DETAILED_MAX: Final = 500
"""Workflows whose firings are worked out; of more there is no telling what a person would look for."""


class Action(StrEnum):
    """What becomes of a workflow."""

    ADDED = "added"
    """It is new."""
    RETURNED = "returned"
    """It was removed once, and goes on with its history."""
    CHANGED = "changed"
    """It gets a new revision."""
    RENAMED = "renamed"
    """It goes on under another name, with a new revision."""
    MOVED = "moved"
    """It stands in another file; nothing else is new."""
    REMOVED = "removed"
    """It is archived: its triggers rest, its history stays."""
    WAITS = "waits"
    """It would be removed, but too many are: a person is to agree."""
    HELD = "held"
    """It stays as it is, since its file has a fault, or since somebody restored it without one."""


@dataclass(frozen=True, slots=True)
class TriggerChange:
    """A trigger, and its next nominal times before and after (None: it is not there then)."""

    name: str
    kind: str
    before: tuple[datetime, ...] | None
    after: tuple[datetime, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one workflow (`namespace/name`). `running` are runs that stay on the revision they have.

    `pinned` is the revision that somebody holds it at: the new one is kept, and not made active. `restored`: it is live
    without its file, because somebody wants it so.
    """

    action: Action
    workflow: str
    path: str | None = None
    former_name: str | None = None
    former_path: str | None = None
    fields: tuple[FieldChange, ...] = ()
    triggers: tuple[TriggerChange, ...] = ()
    paused: bool = False
    pinned: int | None = None
    restored: bool = False
    running: InFlight = field(default_factory=lambda: InFlight(0, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What files would do to a source. `rejected`: nothing would be done, because of a fault (policy `atomic`).

    `commit` is whose files they are, `live` the version that is applied now, and `relation` how the one stands to the
    other; None where that is not known, or has no meaning. `uncompared` are workflows with `checkout`, of which only
    the tree beside them is not known; `undetailed` counts those whose firings were not worked out.
    """

    source: str
    suspended: bool
    rejected: bool
    changes: tuple[Change, ...]
    unchanged: int
    uncompared: tuple[str, ...]
    undetailed: int
    diagnostics: tuple[Diagnostic, ...]
    commit: str | None = None
    live: str | None = None
    relation: Relation | None = None


class Plans:
    """Makes plans. May be called from any thread; writes nothing."""

    def __init__(self, database: Database, clock: Clock, pool_kinds: PoolKinds | None = None) -> None:
        self._database = database
        self._clock = clock
        self._pool_kinds = pool_kinds

    def of_files(self, source: str, files: Mapping[str, bytes]) -> SourcePlan:
        """Return what would be done if the source held these files, by path, and no others.

        Raises `UnknownError`, `ConflictError` where the source was not looked at yet, `engine.sync.preview.FilesError`.
        """
        with self._database.read() as connection:
            row = _source(connection, source)
            if "namespace" not in row.config:
                raise ConflictError(f"source {source} has not been looked at yet\n  hint: wait for its first sync")
            seen = preview(connection, source, row.config, files, self._pool_kinds)
            return self._detailed(connection, row, seen)

    def of_snapshot(self, source: Source, snapshot: Snapshot, loader: SnapshotLoader) -> SourcePlan:
        """Return what would be done if this were what the source holds. Raises `UnknownError`, `FetchError`."""
        with self._database.read() as connection:
            row = _source(connection, source.name)
            seen = preview_snapshot(connection, source.name, source.rules, snapshot, loader)
            plan = self._detailed(connection, row, seen)
        live = row.applied_version
        return replace(plan, commit=snapshot.commit, live=live, relation=_relation(snapshot, live))

    def _detailed(self, connection: Connection, row: SourceRow, seen: Preview) -> SourcePlan:
        details = _Details(connection, seen.plan, self._clock())
        waiting = (Change(action=Action.WAITS, workflow=name) for name in seen.findings.waiting)
        return SourcePlan(
            source=row.name,
            suspended="suspended" in row.config,
            rejected=seen.findings.rejected,
            changes=(*details.changes(), *waiting),
            unchanged=len(seen.plan.unchanged),
            uncompared=seen.uncompared,
            undetailed=details.undetailed,
            diagnostics=seen.diagnostics,
        )


def _source(connection: Connection, name: str) -> SourceRow:
    row = read_source(connection, name)
    if row is None:
        raise UnknownError(f"there is no source {name}")
    return row


def _relation(snapshot: Snapshot, live: str | None) -> Relation | None:
    """Return how a snapshot stands to what is live; it is no reason to have no plan that this cannot be told."""
    if snapshot.relation is None or live is None:
        return None
    try:
        return snapshot.relation(live, None)
    except FetchError:
        return None


class _Details:
    def __init__(self, connection: Connection, plan: Plan, now: datetime) -> None:
        self._connection = connection
        self._plan = plan
        self._now = now
        standing = [item.standing for item in plan.changed] + [item.standing for item in plan.returned]
        touched = [item.id for item in (*standing, *plan.removed)]
        self._running = in_flight(connection, touched)
        self._paused = paused(connection, touched)
        self._left = DETAILED_MAX
        self.undetailed = 0

    def changes(self) -> Iterator[Change]:
        """Give the changes in the order of `Action`."""
        plan = self._plan
        for loaded in plan.added:
            yield self._change(Action.ADDED, None, loaded)
        for back in plan.returned:
            yield self._change(Action.RETURNED, back.standing, back.loaded)
        for item in plan.changed:
            action = Action.RENAMED if item.renamed else Action.CHANGED
            yield self._change(action, item.standing, item.loaded, item.fields)
        revised = {item.standing.id for item in plan.changed}
        for moved in plan.moved:
            if moved.standing.id not in revised:
                name = "/".join(moved.standing.key)
                former, pin = moved.standing.path, moved.standing.pinned
                yield Change(action=Action.MOVED, workflow=name, path=moved.path, former_path=former, pinned=pin)
        for gone in plan.removed:
            yield self._change(Action.REMOVED, gone, None)
        for held in plan.held:
            name = "/".join(held.key)
            yield Change(action=Action.HELD, workflow=name, path=held.path, pinned=held.pinned, restored=held.restored)

    def _change(
        self,
        action: Action,
        standing: Standing | None,
        loaded: LoadedWorkflow | None,
        fields: Sequence[FieldChange] = (),
    ) -> Change:
        former = "" if standing is None else "/".join(standing.key)
        name = former if loaded is None else "/".join(key_of(loaded))
        former_path = None if standing is None else standing.path
        path = former_path if loaded is None else loaded.file
        id_ = "" if standing is None else standing.id
        return Change(
            action=action,
            workflow=name,
            path=path,
            former_name=former if former and former != name else None,
            former_path=former_path if former_path != path else None,
            fields=tuple(fields),
            triggers=self._triggers(standing, loaded),
            paused=id_ in self._paused,
            pinned=None if standing is None or loaded is None else standing.pinned,
            restored=standing is not None and standing.restored,
            running=self._running.get(id_, InFlight(0, ())),
        )

    def _triggers(self, standing: Standing | None, loaded: LoadedWorkflow | None) -> tuple[TriggerChange, ...]:
        if self._left == 0:
            self.undetailed += 1
            return ()
        self._left -= 1
        old = {} if standing is None else {row.name: row for row in read_triggers(self._connection, standing.id)}
        stays = standing is not None and standing.pinned is not None and loaded is not None
        new = old if stays else self._to_be("" if standing is None else standing.id, loaded)
        resting = standing is not None and standing.id in self._paused
        before = {} if standing is None or standing.archived else self._firings(old, resting=resting)
        after = self._firings(new, resting=resting)
        kinds = {name: row.kind for name, row in {**old, **new}.items() if name in before or name in after}
        return tuple(TriggerChange(name, kinds[name], before.get(name), after.get(name)) for name in sorted(kinds))

    def _to_be(self, workflow_id: str, loaded: LoadedWorkflow | None) -> dict[str, TriggerRow]:
        if loaded is None:
            return {}
        specs = loaded.workflow.triggers
        rows = activation.forthcoming(self._connection, workflow_id, specs, self._now)
        return {row["name"]: _row(row) for row in rows}

    def _firings(self, rows: Mapping[str, TriggerRow], *, resting: bool) -> dict[str, tuple[datetime, ...]]:
        """Return the next firings by trigger: none of a workflow that is paused."""
        limit = 0 if resting else FIRINGS_SHOWN
        return {name: tuple(item.fire_time for item in upcoming([row], self._now, limit)) for name, row in rows.items()}


def _row(values: Mapping[str, object]) -> TriggerRow:
    names = ("name", "kind", "spec", "anchor_at", "next_fire_time", "next_at")
    return TriggerRow(last_fire_time=None, **{name: values[name] for name in names})  # type: ignore[arg-type]
