"""Rows of the version before are there after the upgrade: ended runs are to be counted, labels know their workflow."""

from typing import Any

from alembic import command
from sqlalchemy import Connection, text

from engine.services.rollup import RollUp
from engine.store.database import Database
from engine.store.reads_runs import list_runs
from engine.store.run_filter import RunFilter
from engine.store.schema import alembic_config, migrate
from engine.store.tables import metadata
from engine.store.types import to_microseconds
from tests.contract.store.conftest import NOW
from tests.contract.store.rows import REVISION, RUN, WORKFLOW

OPEN = RUN[:-1] + "2"


def put(connection: Connection, table: str, **values: Any) -> None:
    """Insert a row as the version before knew it."""
    columns, marks = (", ".join(sign.format(name) for name in values) for sign in ('"{}"', ":{}"))
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), values)


def fill(connection: Connection, at: Any) -> None:
    """Write a workflow with a run that has ended and one that goes on, both with a label."""
    workflow = {"id": WORKFLOW, "namespace": "data", "name": "w", "source": "s", "labels": "{}", "ready": "{}"}
    put(connection, "workflows", **workflow, active_revision_id=REVISION, created_at=at, updated_at=at)
    revision = {"id": REVISION, "workflow_id": WORKFLOW, "number": 1, "digest": "d", "compiled": b"", "document": "{}"}
    put(connection, "revisions", **revision, source="s", path="p", created_at=at)
    for run_id, state, finished_at in ((RUN, "succeeded", at), (OPEN, "running", None)):
        run = {"id": run_id, "workflow_id": WORKFLOW, "revision_id": REVISION, "state": state, "trigger_kind": "manual"}
        put(connection, "runs", **run, created_at=at, started_at=at, finished_at=finished_at)
        put(connection, "run_data", run_id=run_id, inputs="{}", trigger="{}", labels="{}")
        put(connection, "run_labels", key="team", value="data", run_id=run_id)


def test_runs_that_had_ended_are_counted_after_the_upgrade(database: Database) -> None:
    with database.write() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        command.upgrade(alembic_config(connection), "0001")
        fill(connection, to_microseconds(NOW) if database.dialect == "sqlite" else NOW)
    migrate(database)
    assert RollUp(database).count() == 1
    wanted = RunFilter(workflow_id=WORKFLOW, labels=[("team", "data")])
    with database.read() as connection:
        assert [row.id for row in list_runs(connection, wanted, before=None, limit=9)] == [OPEN, RUN]
