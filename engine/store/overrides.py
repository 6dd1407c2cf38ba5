"""What people set against the source: pins and restored workflows; and what of it, and of pauses, has come to its end.

All of it stands in the workflow's row, which whoever writes has locked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, or_, select, update

from engine.events import EventKind
from engine.store.plain_text import plain_text
from engine.store.revisions import UNPINNED, UNRESTORED
from engine.store.tables import workflows
from engine.store.workflow_events import enter_of_workflows


class Override(StrEnum):
    """What can be set against the source."""

    PAUSE = "pause"
    PIN = "pin"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Account:
    """Who sets something, why, and until when it holds (None: until it is taken back)."""

    by: str
    reason: str = ""
    until: datetime | None = None


_UNTIL = {
    Override.PAUSE: workflows.c.paused_until,
    Override.PIN: workflows.c.pinned_until,
    Override.RESTORE: workflows.c.restored_until,
}


def pause_until(connection: Connection, workflow_id: str, until: datetime | None, now: datetime) -> None:
    """Move the end of a pause."""
    _set(connection, workflow_id, {"paused_until": until}, now)


def pin(connection: Connection, workflow_id: str, number: int, account: Account, now: datetime) -> None:
    """Note that the workflow is held at a revision."""
    said = {"pinned_by": plain_text(account.by), "pin_reason": plain_text(account.reason)}
    _set(
        connection,
        workflow_id,
        {"pinned_revision": number, "pinned_at": now, **said, "pinned_until": account.until},
        now,
    )
    data = {"revision": number, "by": account.by, "reason": account.reason}
    enter_of_workflows(connection, EventKind.WORKFLOW_PINNED, [workflow_id], now, data)


def unpin(connection: Connection, workflow_id: str, now: datetime) -> None:
    """Note that the workflow is held no more."""
    _set(connection, workflow_id, UNPINNED, now)
    enter_of_workflows(connection, EventKind.WORKFLOW_UNPINNED, [workflow_id], now)


def restore(connection: Connection, workflow_id: str, account: Account, now: datetime) -> None:
    """Bring an archived workflow back, without its file. Its triggers are written apart."""
    said = {"restored_by": plain_text(account.by), "restore_reason": plain_text(account.reason)}
    values = {"archived_at": None, "restored_at": now, **said, "restored_until": account.until}
    _set(connection, workflow_id, {**UNRESTORED, **values}, now)
    data = {"by": account.by, "reason": account.reason}
    enter_of_workflows(connection, EventKind.WORKFLOW_RESTORED, [workflow_id], now, data)


def ended(connection: Connection, now: datetime) -> list[tuple[str, str, Override]]:
    """Return the workflows (namespace, name) of which something has come to its end, and what."""
    query = select(workflows.c.namespace, workflows.c.name, *_UNTIL.values())
    rows = connection.execute(query.where(or_(*(until <= now for until in _UNTIL.values()))))
    return [
        (row[0], row[1], kind)
        for row in rows
        for kind, until in zip(_UNTIL, row[2:], strict=True)
        if until is not None and until <= now
    ]


def _set(connection: Connection, workflow_id: str, values: Mapping[str, Any], now: datetime) -> None:
    statement = update(workflows).where(workflows.c.id == workflow_id)
    connection.execute(statement.values({**values, "updated_at": now}))
