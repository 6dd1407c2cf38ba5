"""What is live under which name: the workflows that others may start or wait for."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select

from dsl.model import Workflow, decode
from engine.store.tables import revisions, workflows


@dataclass(frozen=True, slots=True)
class Live:
    """A live workflow, where it comes from, and its active revision (None: one that this program cannot read)."""

    name: str
    source: str
    path: str
    workflow: Workflow | None


def live(connection: Connection, names: Collection[str]) -> dict[str, Live]:
    """Return those of the names (`namespace/name`) that are live."""
    wanted = frozenset(names)
    query = (
        select(workflows.c.namespace, workflows.c.name, workflows.c.source, workflows.c.path, revisions.c.compiled)
        .join(revisions, revisions.c.id == workflows.c.active_revision_id)
        .where(workflows.c.archived_at.is_(None), workflows.c.name.in_({name.partition("/")[2] for name in wanted}))
    )
    rows = ((f"{row[0]}/{row[1]}", *row[2:]) for row in connection.execute(query))
    return {name: Live(name, source, path, _read(data)) for name, source, path, data in rows if name in wanted}


def _read(compiled: bytes) -> Workflow | None:
    try:
        return decode(compiled)
    except (msgspec.DecodeError, ValueError):
        return None
