"""A workflow put straight into a database of its own, without a source: for runs of a file, and for tests."""

from datetime import datetime

from sqlalchemy import Connection, insert

from dsl.model import Workflow, encode
from engine.clock import NewId
from engine.store.tables import revisions, workflows


def store_workflow(connection: Connection, workflow: Workflow, ids: NewId, now: datetime) -> tuple[str, str]:
    """Insert the workflow with one revision; return the ids of both."""
    workflow_id, revision_id = ids(), ids()
    row = {
        "id": workflow_id,
        "namespace": workflow.namespace,
        "name": workflow.name,
        "source": "local",
        "path": workflow.path,
        "active_revision_id": revision_id,
        "revision_count": 1,
        "labels": workflow.labels,
        "description": workflow.description,
        "ready": {},
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(insert(workflows).values(row))
    revision = {
        "id": revision_id,
        "workflow_id": workflow_id,
        "number": 1,
        "digest": "",
        "compiled": encode(workflow),
        "document": {},
        "source": "local",
        "path": workflow.path,
        "created_at": now,
    }
    connection.execute(insert(revisions).values(revision))
    return workflow_id, revision_id
