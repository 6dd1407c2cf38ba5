"""Workflows, their revisions, triggers and firings to come."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import msgspec

from api.schemas.base import Answer, Ask
from api.schemas.fields import ChangedField

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.reads_workflows import RevisionRow, TriggerRow, WorkflowRow


Reason = Annotated[str, msgspec.Meta(max_length=500)]
AwareMoment = Annotated[datetime, msgspec.Meta(tz=True)]


class WorkflowName(Answer, frozen=True, kw_only=True):
    """What names a workflow."""

    namespace: str
    name: str


class Pause(Answer, frozen=True, kw_only=True):
    """Since when a workflow's triggers rest, on whose account, why, and until when (null: until it is resumed)."""

    since: datetime
    by: str | None
    reason: str | None
    until: datetime | None


class Pin(Answer, frozen=True, kw_only=True):
    """The revision that a workflow is held at whatever its source says, and until when (null: until it is unpinned)."""

    revision: int
    since: datetime
    by: str | None
    reason: str | None
    until: datetime | None


class Restored(Answer, frozen=True, kw_only=True):
    """Since when a workflow is live without its file."""

    since: datetime
    by: str | None
    reason: str | None
    until: datetime | None


class Workflow(Answer, frozen=True, kw_only=True):
    """One workflow. `revision` is the active one's number, `revision_count` the newest's.

    `pause`, `pin` and `restored` are null unless somebody made it so.
    """

    namespace: str
    name: str
    description: str
    labels: dict[str, str]
    source: str
    path: str
    revision: int | None
    revision_count: int
    pause: Pause | None
    pin: Pin | None
    restored: Restored | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: "WorkflowRow") -> Self:
        """Return the workflow of a row."""
        return cls(**_fields(row))


class WorkflowPage(Answer, frozen=True, kw_only=True):
    """Workflows by namespace and name."""

    items: list[Workflow]
    next: str | None


class Revision(Answer, frozen=True, kw_only=True):
    """One immutable revision of a workflow. `digest` is the SHA-256 of its normalised document."""

    number: int
    digest: str
    source: str
    path: str
    commit: str | None
    author: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: "RevisionRow") -> Self:
        """Return the revision of a row."""
        return cls(**_revision_fields(row))


class RevisionDetail(Revision, frozen=True, kw_only=True):
    """One revision with its document: what was written, with anchors, merges and the namespace resolved."""

    document: dict[str, Any]

    @classmethod
    def with_document(cls, row: "RevisionRow", document: dict[str, Any]) -> Self:
        """Return the revision of a row with its document."""
        return cls(**_revision_fields(row), document=document)


class RevisionPage(Answer, frozen=True, kw_only=True):
    """Revisions, newest first."""

    items: list[Revision]
    next: str | None


class RevisionDiff(Answer, frozen=True, kw_only=True):
    """What differs between two revisions, field by field.

    `checkout_differs`: the files that its tasks start with are others.
    """

    before: Revision
    after: Revision
    fields: list[ChangedField]
    checkout_differs: bool

    @classmethod
    def between(cls, before: "tuple[RevisionRow, dict[str, Any]]", after: "tuple[RevisionRow, dict[str, Any]]") -> Self:
        """Return what differs between two rows with their documents."""
        from engine.sync.differences import differences  # noqa: PLC0415 - as above

        return cls(
            before=Revision.of(before[0]),
            after=Revision.of(after[0]),
            fields=[ChangedField.of(change) for change in differences(before[1], after[1])],
            checkout_differs=before[0].checkout != after[0].checkout,
        )


class Trigger(Answer, frozen=True, kw_only=True):
    """One trigger. `next_fire_time` is the nominal time, `next_at` the same with its jitter."""

    name: str
    kind: str
    spec: dict[str, Any]
    last_fire_time: datetime | None
    next_fire_time: datetime | None
    next_at: datetime | None

    @classmethod
    def of(cls, row: "TriggerRow") -> Self:
        """Return the trigger of a row."""
        return cls(
            name=row.name,
            kind=row.kind,
            spec=row.spec,
            last_fire_time=row.last_fire_time,
            next_fire_time=row.next_fire_time,
            next_at=row.next_at,
        )


class WorkflowDetail(Workflow, frozen=True, kw_only=True):
    """One workflow with its active revision, its triggers, and whether its workers are prepared for it."""

    active_revision: RevisionDetail | None
    triggers: list[Trigger]
    ready: dict[str, Any]

    @classmethod
    def whole(cls, row: "WorkflowRow", revision: RevisionDetail | None, triggers: list[Trigger]) -> Self:
        """Return the workflow of a row with what belongs to it."""
        return cls(**_fields(row), active_revision=revision, triggers=triggers, ready=row.ready)


class Upcoming(Answer, frozen=True, kw_only=True):
    """One firing to come."""

    trigger: str
    fire_time: datetime


class UpcomingPage(Answer, frozen=True, kw_only=True):
    """Firings to come, the earliest first. `next` is always null: ask for more with `limit`."""

    items: list[Upcoming]
    next: None = None


class PauseRequest(Ask, frozen=True, kw_only=True):
    """Why a workflow's triggers are to rest, and until when (null: until it is resumed)."""

    reason: Reason = ""
    until: AwareMoment | None = None


class PinRequest(Ask, frozen=True, kw_only=True):
    """The revision that a workflow is to be held at, why, and until when (null: until it is unpinned)."""

    revision: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    reason: Reason = ""
    until: AwareMoment | None = None


class RestoreRequest(Ask, frozen=True, kw_only=True):
    """Why a removed workflow is to be live again, and until when (null: until its file is there)."""

    reason: Reason = ""
    until: AwareMoment | None = None


def _fields(row: "WorkflowRow") -> dict[str, Any]:
    return {
        "namespace": row.namespace,
        "name": row.name,
        "description": row.description,
        "labels": row.labels,
        "source": row.source,
        "path": row.path,
        "revision": row.active_revision,
        "revision_count": row.revision_count,
        "pause": _pause(row),
        "pin": _pin(row),
        "restored": _restored(row),
        "archived_at": row.archived_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _pause(row: "WorkflowRow") -> Pause | None:
    if row.paused_at is None:
        return None
    return Pause(since=row.paused_at, by=row.paused_by, reason=row.pause_reason, until=row.paused_until)


def _pin(row: "WorkflowRow") -> Pin | None:
    if row.pinned_revision is None or row.pinned_at is None:
        return None
    return Pin(
        revision=row.pinned_revision,
        since=row.pinned_at,
        by=row.pinned_by,
        reason=row.pin_reason,
        until=row.pinned_until,
    )


def _restored(row: "WorkflowRow") -> Restored | None:
    if row.restored_at is None:
        return None
    return Restored(since=row.restored_at, by=row.restored_by, reason=row.restore_reason, until=row.restored_until)


def _revision_fields(row: "RevisionRow") -> dict[str, Any]:
    return {
        "number": row.number,
        "digest": row.digest,
        "source": row.source,
        "path": row.path,
        "commit": row.commit,
        "author": row.author,
        "created_at": row.created_at,
    }
