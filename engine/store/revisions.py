"""Workflows and their revisions: what the sync writes, and pause and resume.

A revision is inserted when the digest of a workflow's document changes, and never changes itself. The newest is what
the source says; it is the active one too, unless somebody has pinned another. Removing a workflow archives it: history
stays, triggers rest. Triggers themselves are written by `engine.store.activation`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, insert, or_, select, update

from dsl.loader import LoadedWorkflow
from dsl.model import Workflow, decode, encode
from engine.clock import NewId
from engine.events import EventKind
from engine.store import activation
from engine.store.membership import one_of
from engine.store.plain_text import plain_text
from engine.store.readiness import initial_ready, set_ready
from engine.store.tables import revisions, runs, workflows
from engine.store.workflow_events import enter_of_workflows

__all__ = [
    "Activated",
    "Origin",
    "Standing",
    "activate",
    "archive",
    "create",
    "documents",
    "lock",
    "move",
    "pause",
    "resume",
    "revise",
    "set_ready",
    "standing",
    "unarchive",
]


UNPINNED: Final[dict[str, Any]] = {
    "pinned_revision": None,
    "pinned_at": None,
    "pinned_by": None,
    "pin_reason": None,
    "pinned_until": None,
}
UNRESTORED: Final[dict[str, Any]] = {
    "restored_at": None,
    "restored_by": None,
    "restore_reason": None,
    "restored_until": None,
}
_BACK: Final[dict[str, Any]] = {"archived_at": None, **UNRESTORED}
"""What a workflow has whose file is there."""

NEWEST_KEPT: Final = 20
"""How many revisions of a workflow keep their source trees, whether or not they have runs: for going back."""


_NEWEST: Final = and_(revisions.c.workflow_id == workflows.c.id, revisions.c.number == workflows.c.revision_count)


@dataclass(frozen=True, slots=True)
class Standing:
    """A workflow as it stands: who owns it, and the digest of its newest revision (empty: it has none).

    `pinned` is the revision that somebody holds it at; `restored` says that somebody brought it back without its file.
    """

    id: str
    namespace: str
    name: str
    source: str
    path: str
    digest: str
    archived: bool
    revision_count: int
    pinned: int | None = None
    restored: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name


@dataclass(frozen=True, slots=True)
class Origin:
    """Where revisions come from."""

    source: str
    commit: str | None = None
    author: str | None = None
    checkout: str | None = None
    """The archive of the source tree, by its SHA-256, where a workflow's tasks start in a copy of it."""


@dataclass(frozen=True, slots=True)
class Activated:
    """A revision that was made active."""

    workflow_id: str
    revision_id: str
    number: int
    loaded: LoadedWorkflow


def standing(connection: Connection, source: str, names: Collection[str]) -> list[Standing]:
    """Return every workflow of the source, and those of other sources that have one of the names, by key."""
    query = (
        select(
            workflows.c.id,
            workflows.c.namespace,
            workflows.c.name,
            workflows.c.source,
            workflows.c.path,
            revisions.c.digest,
            workflows.c.archived_at,
            workflows.c.revision_count,
            workflows.c.pinned_revision,
            workflows.c.restored_at,
        )
        .outerjoin(revisions, _NEWEST)
        .order_by(workflows.c.namespace, workflows.c.name)
    )
    rows = connection.execute(query).all()  # at once: row by row takes three times as long
    return [
        Standing(
            id_,
            namespace,
            name,
            owner,
            path,
            digest or "",
            archived_at is not None,
            count,
            pin,
            restored_at is not None,
        )
        for id_, namespace, name, owner, path, digest, archived_at, count, pin, restored_at in rows
        if owner == source or name in names
    ]


def documents(connection: Connection, workflow_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the newest documents by workflow id; a workflow without one is left out."""
    query = (
        select(workflows.c.id, revisions.c.document)
        .join(revisions, _NEWEST)
        .where(workflows.c.id == bindparam("wanted"))
    )
    found = (connection.execute(query, {"wanted": wanted}).one_or_none() for wanted in workflow_ids)
    return {row[0]: row[1] for row in found if row is not None}


def checkouts_of(connection: Connection, revision_ids: Collection[str]) -> dict[str, str]:
    """Return the archives of the source trees of those revisions that have one, by the revision's id."""
    if not revision_ids:
        return {}
    query = select(revisions.c.id, revisions.c.checkout).where(one_of(revisions.c.id, revision_ids))
    return {row[0]: row[1] for row in connection.execute(query) if row[1] is not None}


def checkouts_in_use(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return those of these archives that a run may still ask for.

    Of each workflow that is the active revision's, those of its newest ones, and those of revisions that have runs.
    """
    query = (
        select(revisions.c.checkout)
        .join(workflows, workflows.c.id == revisions.c.workflow_id)
        .where(
            one_of(revisions.c.checkout, digests),
            or_(
                workflows.c.active_revision_id == revisions.c.id,
                revisions.c.number > workflows.c.revision_count - NEWEST_KEPT,
                exists().where(runs.c.workflow_id == revisions.c.workflow_id, runs.c.revision_id == revisions.c.id),
            ),
        )
    )
    return set(connection.execute(query).scalars())


def create(
    connection: Connection, loaded: Sequence[LoadedWorkflow], origin: Origin, now: datetime, ids: NewId
) -> list[Activated]:
    """Insert new workflows, each with its first revision, active."""
    made = [Activated(ids(), ids(), 1, item) for item in loaded]
    if made:
        rows = [{**_described(item, origin, now), "id": item.workflow_id, "created_at": now} for item in made]
        connection.execute(insert(workflows), rows)
        connection.execute(insert(revisions), [_revision(item, origin, now) for item in made])
    return made


def revise(
    connection: Connection,
    changed: Iterable[tuple[Standing, LoadedWorkflow]],
    origin: Origin,
    now: datetime,
    ids: NewId,
    *,
    pinned: Collection[str] = (),
) -> list[Activated]:
    """Insert the next revision of existing workflows and make it active; an archived one comes back to life.

    Of one that is `pinned` (by id) the revision is kept, and becomes active when the pin goes. Returns what became
    active.
    """
    made = [Activated(old.id, ids(), old.revision_count + 1, loaded) for old, loaded in changed]
    if made:
        connection.execute(insert(revisions), [_revision(item, origin, now) for item in made])
    active = [item for item in made if item.workflow_id not in pinned]
    _update_each(
        connection, [{**_described(item, origin, now), **_BACK, "wanted": item.workflow_id} for item in active]
    )
    kept = [item for item in made if item.workflow_id in pinned]
    _update_each(connection, [{**_named(item, origin, now), **_BACK, "wanted": item.workflow_id} for item in kept])
    return active


def unarchive(
    connection: Connection, old: Standing, loaded: LoadedWorkflow, origin: Origin, now: datetime
) -> Activated:
    """Bring an archived workflow back with the revision it left with."""
    values = {**_BACK, "source": origin.source, "path": loaded.file, "updated_at": now}
    statement = update(workflows).where(workflows.c.id == old.id).values(values)
    row = connection.execute(statement.returning(workflows.c.active_revision_id, workflows.c.revision_count)).one()
    return Activated(old.id, row[0], row[1], loaded)


def move(connection: Connection, workflow_id: str, path: str, now: datetime) -> None:
    """Note that a workflow stands in another file of its source."""
    values = {"path": path, "updated_at": now}
    connection.execute(update(workflows).where(workflows.c.id == workflow_id).values(values))


def archive(connection: Connection, workflow_ids: Collection[str], now: datetime) -> None:
    """Archive workflows: their history stays, their triggers rest, and nothing holds them back any more."""
    activation.rest(connection, workflow_ids, now, "the workflow was removed from its source")
    rows = [{**UNPINNED, **UNRESTORED, "wanted": each, "archived_at": now, "updated_at": now} for each in workflow_ids]
    pinned = _newest_of_pinned(connection, workflow_ids)
    _update_each(connection, rows)
    for workflow_id, revision_id, compiled in pinned:
        workflow = decode(compiled)
        activate(connection, workflow_id, revision_id, workflow, now)
        activation.write(connection, {workflow_id: workflow.triggers}, now, resting=[workflow_id])
    enter_of_workflows(connection, EventKind.WORKFLOW_ARCHIVED, workflow_ids, now)


@dataclass(frozen=True, slots=True)
class ByHand:
    """What people have done to workflows that are locked, by id."""

    paused: frozenset[str]
    pinned: frozenset[str]


def lock(connection: Connection, workflow_ids: Collection[str]) -> ByHand:
    """Lock workflows, and return what people have done to them."""
    query = select(workflows.c.id, workflows.c.paused_at, workflows.c.pinned_revision)
    query = query.where(workflows.c.id.in_(list(workflow_ids))).order_by(workflows.c.id)
    rows = connection.execute(query.with_for_update()).all()
    return ByHand(
        paused=frozenset(row.id for row in rows if row.paused_at is not None),
        pinned=frozenset(row.id for row in rows if row.pinned_revision is not None),
    )


def pause(
    connection: Connection, workflow_id: str, by: str, reason: str, now: datetime, until: datetime | None = None
) -> bool:
    """Stop a workflow's triggers; return whether it went on until now."""
    said = {"paused_by": plain_text(by), "pause_reason": plain_text(reason)}
    values = {"paused_at": now, **said, "paused_until": until, "updated_at": now}
    where = (workflows.c.id == workflow_id, workflows.c.paused_at.is_(None))
    if not connection.execute(update(workflows).where(*where).values(values)).rowcount:
        return False
    activation.rest(connection, [workflow_id], now, "the workflow was paused")
    enter_of_workflows(connection, EventKind.WORKFLOW_PAUSED, [workflow_id], now, {"by": by, "reason": reason})
    return True


def resume(connection: Connection, workflow_id: str, now: datetime) -> bool:
    """Let a workflow's triggers fire again, counting from now; return whether it was paused."""
    gone = {"paused_at": None, "paused_by": None, "pause_reason": None, "paused_until": None}
    values = {**gone, "resumed_at": now, "updated_at": now}
    where = (workflows.c.id == workflow_id, workflows.c.paused_at.is_not(None))
    statement = update(workflows).where(*where).values(values).returning(workflows.c.archived_at)
    row = connection.execute(statement).one_or_none()
    if row is not None and row.archived_at is None:
        activation.rouse(connection, workflow_id, now)
    if row is not None:
        enter_of_workflows(connection, EventKind.WORKFLOW_RESUMED, [workflow_id], now)
    return row is not None


def activate(connection: Connection, workflow_id: str, revision_id: str, workflow: Workflow, now: datetime) -> None:
    """Make one of a workflow's revisions, which holds `workflow`, the active one; its triggers are written apart."""
    values = {"active_revision_id": revision_id, **_shown(workflow), "updated_at": now}
    connection.execute(update(workflows).where(workflows.c.id == workflow_id).values(values))


def _newest_of_pinned(connection: Connection, workflow_ids: Collection[str]) -> list[tuple[str, str, bytes]]:
    """Return, of those that are pinned, what their source last said: workflow, revision, and what that holds."""
    query = select(workflows.c.id, revisions.c.id, revisions.c.compiled).join(revisions, _NEWEST)
    query = query.where(workflows.c.pinned_revision.is_not(None), one_of(workflows.c.id, workflow_ids))
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def _update_each(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write each row's values to the workflow that it has as `wanted`."""
    if rows:
        connection.execute(update(workflows).where(workflows.c.id == bindparam("wanted")), rows)


def _described(item: Activated, origin: Origin, now: datetime) -> dict[str, Any]:
    return {
        **_named(item, origin, now),
        **_shown(item.loaded.workflow),
        "active_revision_id": item.revision_id,
    }


def _named(item: Activated, origin: Origin, now: datetime) -> dict[str, Any]:
    workflow = item.loaded.workflow
    return {
        "namespace": workflow.namespace,
        "name": workflow.name,
        "source": origin.source,
        "path": item.loaded.file,
        "revision_count": item.number,
        "updated_at": now,
    }


def _shown(workflow: Workflow) -> dict[str, Any]:
    return {
        "labels": workflow.labels,
        "description": plain_text(workflow.description),
        "ready": initial_ready(workflow),
    }


def _revision(item: Activated, origin: Origin, now: datetime) -> dict[str, Any]:
    return {
        "id": item.revision_id,
        "workflow_id": item.workflow_id,
        "number": item.number,
        "digest": item.loaded.digest,
        "compiled": encode(item.loaded.workflow),
        "document": item.loaded.document,
        "source": origin.source,
        "path": item.loaded.file,
        "commit": origin.commit,
        "checkout": origin.checkout if item.loaded.workflow.checks_out else None,
        "author": None if origin.author is None else plain_text(origin.author),
        "created_at": now,
    }
