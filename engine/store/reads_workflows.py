"""Reads for those who ask: workflows, their revisions and triggers. Writes nothing, and promises no lock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select, tuple_

from engine.store.tables import revisions, triggers, workflows


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """One workflow with the number of its active revision (None: it never had one)."""

    id: str
    namespace: str
    name: str
    source: str
    path: str
    description: str
    labels: dict[str, str]
    active_revision_id: str | None
    active_revision: int | None
    revision_count: int
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    paused_until: datetime | None
    pinned_revision: int | None
    pinned_at: datetime | None
    pinned_by: str | None
    pin_reason: str | None
    pinned_until: datetime | None
    restored_at: datetime | None
    restored_by: str | None
    restore_reason: str | None
    restored_until: datetime | None
    archived_at: datetime | None
    ready: dict[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """One revision without what it holds."""

    id: str
    number: int
    digest: str
    source: str
    path: str
    commit: str | None
    author: str | None
    checkout: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """One trigger of a workflow's active revision."""

    name: str
    kind: str
    spec: dict[str, Any]
    anchor_at: datetime
    last_fire_time: datetime | None
    next_fire_time: datetime | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFilter:
    """Which workflows are asked for; None does not filter. `labels` must all match."""

    namespace: str | None = None
    labels: Sequence[tuple[str, str]] = ()
    paused: bool | None = None
    archived: bool = False


_WORKFLOWS: Select[Any] = select(
    workflows.c.id,
    workflows.c.namespace,
    workflows.c.name,
    workflows.c.source,
    workflows.c.path,
    workflows.c.description,
    workflows.c.labels,
    workflows.c.active_revision_id,
    revisions.c.number,
    workflows.c.revision_count,
    workflows.c.paused_at,
    workflows.c.paused_by,
    workflows.c.pause_reason,
    workflows.c.paused_until,
    workflows.c.pinned_revision,
    workflows.c.pinned_at,
    workflows.c.pinned_by,
    workflows.c.pin_reason,
    workflows.c.pinned_until,
    workflows.c.restored_at,
    workflows.c.restored_by,
    workflows.c.restore_reason,
    workflows.c.restored_until,
    workflows.c.archived_at,
    workflows.c.ready,
    workflows.c.created_at,
    workflows.c.updated_at,
).outerjoin(revisions, revisions.c.id == workflows.c.active_revision_id)
_BY_NAME = _WORKFLOWS.where(workflows.c.namespace == bindparam("namespace"), workflows.c.name == bindparam("name"))
"""Built once: to build it costs as much as to run it, and every trigger of a run asks."""


def read_workflow(connection: Connection, namespace: str, name: str) -> WorkflowRow | None:
    """Return one workflow, archived or not."""
    row = connection.execute(_BY_NAME, {"namespace": namespace, "name": name}).one_or_none()
    return None if row is None else WorkflowRow(*row)


def list_workflows(
    connection: Connection, wanted: WorkflowFilter, *, after: tuple[str, str] | None, limit: int
) -> list[WorkflowRow]:
    """Return at most `limit` workflows by namespace and name, those that come after `after` (namespace, name)."""
    key = tuple_(workflows.c.namespace, workflows.c.name)
    query = _WORKFLOWS.order_by(workflows.c.namespace, workflows.c.name).limit(limit)
    if after is not None:
        query = query.where(key > tuple_(*after))
    if wanted.namespace is not None:
        query = query.where(workflows.c.namespace == wanted.namespace)
    if wanted.paused is not None:
        query = query.where((workflows.c.paused_at.is_not(None)) == wanted.paused)
    for label, value in wanted.labels:
        query = query.where(workflows.c.labels[label].as_string() == value)
    archived = workflows.c.archived_at
    query = query.where(archived.is_not(None) if wanted.archived else archived.is_(None))
    return [WorkflowRow(*row) for row in connection.execute(query)]


def read_triggers(connection: Connection, workflow_id: str) -> list[TriggerRow]:
    """Return the workflow's triggers by name."""
    query = (
        select(
            triggers.c.name,
            triggers.c.kind,
            triggers.c.spec,
            triggers.c.anchor_at,
            triggers.c.last_fire_time,
            triggers.c.next_fire_time,
            triggers.c.next_at,
        )
        .where(triggers.c.workflow_id == workflow_id)
        .order_by(triggers.c.name)
    )
    return [TriggerRow(*row) for row in connection.execute(query)]


_REVISION: tuple[ColumnElement[Any], ...] = (
    revisions.c.id,
    revisions.c.number,
    revisions.c.digest,
    revisions.c.source,
    revisions.c.path,
    revisions.c.commit,
    revisions.c.author,
    revisions.c.checkout,
    revisions.c.created_at,
)


def list_revisions(connection: Connection, workflow_id: str, *, before: int | None, limit: int) -> list[RevisionRow]:
    """Return at most `limit` revisions, newest first, with numbers below `before`."""
    query = select(*_REVISION).where(revisions.c.workflow_id == workflow_id)
    if before is not None:
        query = query.where(revisions.c.number < before)
    return [RevisionRow(*row) for row in connection.execute(query.order_by(revisions.c.number.desc()).limit(limit))]


def read_revision(connection: Connection, workflow_id: str, number: int) -> tuple[RevisionRow, dict[str, Any]] | None:
    """Return one revision and its document."""
    query = select(*_REVISION, revisions.c.document).where(
        revisions.c.workflow_id == workflow_id, revisions.c.number == number
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (RevisionRow(*row[:-1]), row[-1])


def read_compiled(connection: Connection, revision_id: str) -> tuple[int, str | None, bytes]:
    """Return number, commit and compiled workflow of a revision. Raises `NoResultFound` where there is none."""
    query = select(revisions.c.number, revisions.c.commit, revisions.c.compiled).where(revisions.c.id == revision_id)
    number, commit, compiled = connection.execute(query).one()
    return number, commit, compiled


def read_compiled_of(connection: Connection, revision_ids: Collection[str]) -> list[tuple[str, int, str | None, bytes]]:
    """Return id, number, commit and compiled workflow of those revisions that exist."""
    query = select(revisions.c.id, revisions.c.number, revisions.c.commit, revisions.c.compiled)
    return [tuple(row) for row in connection.execute(query.where(revisions.c.id.in_(list(revision_ids))))]
