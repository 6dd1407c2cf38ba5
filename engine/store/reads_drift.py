"""What people have changed by hand, against what the sources say. Writes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from engine.store.tables import revisions, sources, workflows

PAUSED: Final = "paused"
PINNED: Final = "pinned"
RESTORED: Final = "restored"
SUSPENDED: Final = "suspended"


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One thing that was changed by hand: `state` of a workflow, or of a source where `namespace` and `name` are empty.

    `held` and `newest` are the revisions' numbers of a pin, `commit` is that of the newest.
    """

    state: str
    source: str
    namespace: str
    name: str
    since: datetime
    by: str
    reason: str
    until: datetime | None = None
    held: int | None = None
    newest: int | None = None
    commit: str | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is listed by."""
        return self.namespace, self.name, self.source, self.state


def read_drift(connection: Connection, namespace: str | None = None) -> list[DriftRow]:
    """Return all of it, of one namespace or of all, by workflow and source."""
    found = [*_of_workflows(connection, namespace), *_of_sources(connection, namespace)]
    return sorted(found, key=lambda item: item.key)


_NEWEST: Final = and_(revisions.c.workflow_id == workflows.c.id, revisions.c.number == workflows.c.revision_count)
_STATES: Final[Sequence[tuple[str, tuple[ColumnElement[Any], ...]]]] = (
    (PAUSED, (workflows.c.paused_at, workflows.c.paused_by, workflows.c.pause_reason, workflows.c.paused_until)),
    (PINNED, (workflows.c.pinned_at, workflows.c.pinned_by, workflows.c.pin_reason, workflows.c.pinned_until)),
    (
        RESTORED,
        (workflows.c.restored_at, workflows.c.restored_by, workflows.c.restore_reason, workflows.c.restored_until),
    ),
)


def _of_workflows(connection: Connection, namespace: str | None) -> Iterator[DriftRow]:
    query = (
        select(
            workflows.c.source,
            workflows.c.namespace,
            workflows.c.name,
            workflows.c.pinned_revision,
            workflows.c.revision_count,
            revisions.c.commit,
            *(column for _, columns in _STATES for column in columns),
        )
        .outerjoin(revisions, _NEWEST)
        .where(workflows.c.archived_at.is_(None), or_(*(columns[0].is_not(None) for _, columns in _STATES)))
    )
    if namespace is not None:
        query = query.where(workflows.c.namespace == namespace)
    for row in connection.execute(query):
        yield from _states_of(row)


def _states_of(row: Row[Any]) -> Iterator[DriftRow]:
    for position, (state, columns) in enumerate(_STATES):
        begin = 6 + position * len(columns)
        since, by, reason, until = row[begin : begin + len(columns)]
        if since is None:
            continue
        of_pin = (row.pinned_revision, row.revision_count, row.commit) if state == PINNED else ()
        yield DriftRow(state, row.source, row.namespace, row.name, since, by or "", reason or "", until, *of_pin)


def _of_sources(connection: Connection, namespace: str | None) -> Iterator[DriftRow]:
    for name, config in connection.execute(select(sources.c.name, sources.c.config)).all():
        rests = config.get("suspended")
        if rests is not None and namespace in {None, config.get("namespace")}:
            since = datetime.fromisoformat(rests["at"])
            yield DriftRow(SUSPENDED, name, "", "", since, rests.get("by", ""), rests.get("reason", ""))
