"""What happens to workflows by hand, entered into the feed with their names."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from engine.events import EventKind, Happening
from engine.store.feed import enter
from engine.store.membership import one_of
from engine.store.tables import workflows


def enter_of_workflows(
    connection: Connection,
    kind: EventKind,
    workflow_ids: Collection[str],
    now: datetime,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Enter the same event of each of the workflows."""
    if not workflow_ids:
        return
    query = select(workflows.c.namespace, workflows.c.name).where(one_of(workflows.c.id, workflow_ids))
    rows = connection.execute(query.order_by(workflows.c.namespace, workflows.c.name)).all()
    enter(connection, [Happening(kind, now, namespace=row[0], workflow=row[1], data=data or {}) for row in rows])
