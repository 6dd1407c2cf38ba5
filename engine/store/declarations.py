"""Sources that were declared over the API: rows that stay until they are removed there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.store import revisions
from engine.store.tables import source_declarations, sources, workflows


def declared(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return what is declared, by name."""
    rows = connection.execute(select(source_declarations.c.name, source_declarations.c.spec))
    return {row.name: row.spec for row in rows}


def declare(connection: Connection, name: str, kind: str, spec: Mapping[str, Any], now: datetime) -> bool:
    """Declare a new source; return False where there is one of that name, from wherever."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert
    known = connection.execute(select(sources.c.name).where(sources.c.name == name)).one_or_none()
    if known is not None:
        return False
    row = {"name": name, "spec": dict(spec), "created_at": now, "updated_at": now}
    if not connection.execute(insert(source_declarations).values(row).on_conflict_do_nothing()).rowcount:
        return False
    entered = {"kind": kind, "config": {}, "conditions": {}, "diagnostics": [], "updated_at": now}
    connection.execute(insert(sources).values(name=name, **entered).on_conflict_do_nothing())
    return True


def redeclare(connection: Connection, name: str, spec: Mapping[str, Any], now: datetime) -> bool:
    """Change what is declared; return whether it was."""
    statement = update(source_declarations).where(source_declarations.c.name == name)
    return bool(connection.execute(statement.values(spec=dict(spec), updated_at=now)).rowcount)


def remove(connection: Connection, name: str, now: datetime, *, archive: bool) -> int | None:
    """Remove a declared source, and archive its workflows or leave them live; return how many were archived.

    None where no such source is declared. The source's row goes with it, so that a sync that is on its way changes
    nothing any more.
    """
    gone = connection.execute(delete(source_declarations).where(source_declarations.c.name == name)).rowcount
    if not gone:
        return None
    connection.execute(select(sources.c.name).where(sources.c.name == name).with_for_update())
    connection.execute(delete(sources).where(sources.c.name == name))
    if not archive:
        return 0
    query = select(workflows.c.id).where(workflows.c.source == name, workflows.c.archived_at.is_(None))
    ids = list(connection.execute(query).scalars())
    revisions.archive(connection, ids, now)
    return len(ids)
