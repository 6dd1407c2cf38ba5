"""The audit log: written after each request that may change something, read newest first, forgotten by age."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select

from engine.store.bulk import Bulk
from engine.store.plain_text import plain_text
from engine.store.run_filter import id_floor
from engine.store.tables_audit import DONE, REFUSED, audit

ROWS_MAX: Final = 450
_LENGTHS: Final = {"who": 100, "operation": 50, "method": 10, "path": 500, "address": 100, "agent": 200}


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One request: who asked for what, when, from where, and the HTTP status that answered."""

    id: str
    at: datetime
    who: str
    operation: str
    method: str
    path: str
    address: str
    agent: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which requests are wanted; what is None does not narrow."""

    who: str | None = None
    operation: str | None = None
    refused: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


_COLUMNS = tuple(audit.c[name] for name in AuditRow.__dataclass_fields__)
_insert = Bulk(audit, list(AuditRow.__dataclass_fields__))


def append(connection: Connection, rows: Sequence[AuditRow]) -> None:
    """Write requests. Texts that came from outside are cut to what their columns hold."""
    _insert.insert(connection, [tuple(_fitting(row, name) for name in AuditRow.__dataclass_fields__) for row in rows])


def list_audit(connection: Connection, wanted: AuditFilter, *, before: str | None, limit: int) -> list[AuditRow]:
    """Return at most `limit` requests, newest first, with ids below `before`."""
    query = select(*_COLUMNS).order_by(audit.c.id.desc()).limit(limit)
    if wanted.who is not None:
        query = query.where(audit.c.who == wanted.who)
    if wanted.operation is not None:
        query = query.where(audit.c.operation == wanted.operation)
    if wanted.refused is not None:
        query = query.where(REFUSED if wanted.refused else DONE)
    if wanted.since is not None:
        query = query.where(audit.c.id >= id_floor(wanted.since))
    if wanted.until is not None:
        query = query.where(audit.c.id < id_floor(wanted.until))
    if before is not None:
        query = query.where(audit.c.id < before)
    return [AuditRow(*row) for row in connection.execute(query)]


def forget_audit(connection: Connection, before: datetime) -> int:
    """Delete requests of before a moment, at most `ROWS_MAX`; return how many."""
    some = select(audit.c.id).where(audit.c.id < id_floor(before)).order_by(audit.c.id).limit(ROWS_MAX)
    return connection.execute(delete(audit).where(audit.c.id.in_(some))).rowcount


def _fitting(row: AuditRow, name: str) -> object:
    value = getattr(row, name)
    return plain_text(value)[: _LENGTHS[name]] if name in _LENGTHS else value
