"""Rows as the engine writes them, for tests that need a database in a certain state."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from engine.store import tables
from tests.contract.store.conftest import NOW

RUN = "01890000-0000-7000-8000-000000000001"
WORKFLOW = "01890000-0000-7000-8000-00000000000a"
REVISION = "01890000-0000-7000-8000-00000000000b"
SESSION = "01890000-0000-7000-8000-00000000000c"
BACKFILL = "01890000-0000-7000-8000-00000000000e"
CLAIM = "01890000-0000-7000-8000-00000000000d"
TASK = f"{RUN}-0"
LONG_AGO = NOW - timedelta(days=1)


def add(connection: Connection, table: str, **values: Any) -> None:
    """Insert one row, with what a right one has for all that is not given."""
    connection.execute(insert(tables.metadata.tables[table]).values({**DEFAULTS[table], **values}))


def world(
    connection: Connection,
    *,
    run: dict[str, Any] | None = None,
    task: dict[str, Any] | None = None,
    workflow: dict[str, Any] | None = None,
) -> None:
    """One workflow with one running run of one running task, all as it must be."""
    add(connection, "workflows", **(workflow or {}))
    add(connection, "revisions")
    add(connection, "runs", **(run or {}))
    add(connection, "run_data")
    add(connection, "task_runs", **(task or {}))
    add(connection, "sessions")


def _when(moment: datetime = LONG_AGO) -> datetime:
    return moment


DEFAULTS: dict[str, dict[str, Any]] = {
    "backfills": {
        "id": BACKFILL,
        "workflow_id": WORKFLOW,
        "revision_id": REVISION,
        "trigger": "t",
        "anchor_at": _when(),
        "since": _when(),
        "until": _when(NOW),
        "policy": "missing",
        "parallel": 1,
        "inputs": {},
        "state": "running",
        "total": 1,
        "made": 1,
        "created_by": "me",
        "created_at": _when(NOW),
        "updated_at": _when(NOW),
    },
    "workflows": {
        "id": WORKFLOW,
        "namespace": "default",
        "name": "w",
        "source": "s",
        "active_revision_id": REVISION,
        "revision_count": 1,
        "labels": {},
        "ready": {},
        "created_at": _when(),
        "updated_at": _when(),
    },
    "revisions": {
        "id": REVISION,
        "workflow_id": WORKFLOW,
        "number": 1,
        "digest": "d",
        "compiled": b"{}",
        "document": {},
        "source": "s",
        "path": "w.yaml",
        "created_at": _when(),
    },
    "runs": {
        "id": RUN,
        "workflow_id": WORKFLOW,
        "revision_id": REVISION,
        "state": "running",
        "trigger_kind": "manual",
        "version": 1,
        "created_at": _when(),
        "started_at": _when(),
    },
    "run_data": {"run_id": RUN, "inputs": {}, "trigger": {}, "labels": {}},
    "task_runs": {
        "id": TASK,
        "run_id": RUN,
        "task": "a",
        "ordinal": 0,
        "state": "running",
        "kind": "run",
        "pool": "default",
        "attempt": 1,
        "claim_id": CLAIM,
        "session": SESSION,
        "worker": "w",
        "queued_at": _when(),
    },
    "sessions": {
        "id": SESSION,
        "worker": "w",
        "pools": ["default"],
        "kinds": ["run"],
        "slots": 1,
        "reply_to": "r",
        "started_at": _when(),
        "seen_at": _when(),
        "expires_at": NOW + timedelta(days=1),
    },
    "attempts": {"task_run_id": TASK, "number": 1, "run_id": RUN, "state": "failed", "finished_at": _when()},
    "signals": {"run_id": RUN, "kind": "cancel", "payload": {}, "due_at": NOW},
    "holders": {"resource": "r", "run_id": RUN, "task_run_id": "", "position": 1, "held_at": NOW, "created_at": NOW},
    "resources": {"name": "r", "capacity": 1},
    "triggers": {
        "workflow_id": WORKFLOW,
        "name": "t",
        "kind": "every",
        "spec": {},
        "anchor_at": _when(),
        "updated_at": _when(),
    },
    "firings": {
        "workflow_id": WORKFLOW,
        "trigger": "t",
        "fire_time": NOW,
        "kind": "schedule",
        "outcome": "run",
        "created_at": NOW,
    },
    "log_batches": {
        "run_id": RUN,
        "pos": 1,
        "task_run_id": TASK,
        "attempt": 1,
        "claim_id": CLAIM,
        "batch_no": 1,
        "line_count": 1,
        "data": b"",
        "created_at": NOW,
    },
}
