"""Lists of runs go by an index, whatever is asked for: none reads all runs, none sorts what it will not show."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from engine.store.database import Database
from engine.store.reads_runs import list_runs
from engine.store.run_filter import RunFilter
from engine.store.tables import runs
from tests.bench.million import fill
from tests.bench.million_rows import Past
from tests.contract.store.test_indexes import statements

UNTIL = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = (UNTIL - timedelta(days=20), UNTIL - timedelta(days=20, hours=-1))
PAST = Past(workflows=50, runs=8_000, until=UNTIL, logged=0.0)
BUSIEST = PAST.made[0].id
GOLD = ("tier", "gold")

FILTERS = {
    "workflow": (RunFilter(workflow_id=BUSIEST), "ix_runs_workflow"),
    "workflow and state": (RunFilter(workflow_id=BUSIEST, states=["failed"]), "ix_runs_workflow_state"),
    "workflow and time": (RunFilter(workflow_id=BUSIEST, since=HOUR[0], until=HOUR[1]), "ix_runs_workflow"),
    "state": (RunFilter(states=["failed"]), "ix_runs_state"),
    "states": (RunFilter(states=["failed", "cancelled"]), "ix_runs_state"),
    "state and time": (RunFilter(states=["failed"], since=HOUR[0], until=HOUR[1]), "ix_runs_state"),
    "trigger": (RunFilter(trigger="webhook"), "ix_runs_trigger_kind"),
    "time": (RunFilter(since=HOUR[0], until=HOUR[1]), "sqlite_autoindex_runs_1"),
    "until": (RunFilter(until=HOUR[1]), "sqlite_autoindex_runs_1"),
    "label": (RunFilter(labels=[GOLD]), "sqlite_autoindex_run_labels_1"),
    "label and time": (RunFilter(labels=[GOLD], since=HOUR[0], until=HOUR[1]), "sqlite_autoindex_run_labels_1"),
    "labels": (RunFilter(labels=[GOLD, ("team", "team-05")]), "sqlite_autoindex_run_labels_1"),
    "label and a rare state": (RunFilter(labels=[GOLD], states=["running"]), "ix_runs_state"),
    "label and workflow": (RunFilter(labels=[GOLD], workflow_id=PAST.made[2].id), "ix_run_labels_workflow"),
    "a workflow without the label": (RunFilter(labels=[GOLD], workflow_id=BUSIEST), "ix_run_labels_workflow"),
    "label, workflow, state": (
        RunFilter(labels=[GOLD], workflow_id=PAST.made[2].id, states=["cancelled"]),
        "ix_runs_workflow_state",
    ),
    "backfill": (RunFilter(backfill=BUSIEST), "ix_runs_backfill"),
}
"""What is asked for, and the index that SQLite walks for it. PostgreSQL chooses by what it knows of the values."""


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('lists') / 'test.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    database = Database.open(url)
    fill(database, Past(workflows=50, runs=8_000, until=UNTIL, logged=0.0))
    yield database
    database.close()


def plan(database: Database, wanted: RunFilter) -> list[str]:
    """Return the steps of the statement that lists, the last that is sent."""
    explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN (COSTS off) "
    with database.read() as connection:
        with statements(database) as seen:
            list_runs(connection, wanted, before=None, limit=51)
        statement, parameters = seen[-1]
        return [str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)]


@pytest.mark.parametrize("name", FILTERS)
def test_a_list_goes_by_an_index(filled: Database, name: str) -> None:
    wanted, index = FILTERS[name]
    steps = plan(filled, wanted)
    if filled.dialect == "sqlite":
        assert any(f"INDEX {index} " in step for step in steps), steps
        assert [step for step in steps if step.startswith("SCAN runs") or step == "SCAN run_labels"] == []
    else:
        assert [step for step in steps if "Seq Scan on runs" in step or "Seq Scan on run_labels" in step] == []


@pytest.mark.parametrize("name", FILTERS)
def test_whatever_leads_the_runs_are_the_same(filled: Database, name: str) -> None:
    wanted, _ = FILTERS[name]
    with filled.read() as connection:
        listed = [row.id for row in list_runs(connection, wanted, before=None, limit=10_000)]
        assert listed == [row.id for row in everything(connection) if matches(row, wanted)]


def everything(connection):
    return list_runs(connection, RunFilter(), before=None, limit=10_000)


def matches(row, wanted: RunFilter) -> bool:
    """Say it the slow way."""
    return (
        (wanted.workflow_id is None or row.workflow_id == wanted.workflow_id)
        and (not wanted.states or row.state in wanted.states)
        and all(row.labels.get(key) == value for key, value in wanted.labels)
        and (wanted.since is None or row.created_at >= wanted.since)
        and (wanted.until is None or row.created_at < wanted.until)
        and (wanted.trigger is None or row.trigger_kind == wanted.trigger)
        and (wanted.backfill is None or row.backfill_id == wanted.backfill)
    )


def test_a_plain_list_stops_at_its_page(filled: Database) -> None:
    steps = plan(filled, RunFilter())
    key = "sqlite_autoindex_runs_1" if filled.dialect == "sqlite" else "pk_runs"
    assert any(key in step for step in steps)
    with filled.read() as connection:
        assert len(list_runs(connection, RunFilter(), before=None, limit=3)) == 3
        newest = connection.execute(select(runs.c.id).order_by(runs.c.id.desc()).limit(1)).scalar_one()
        assert list_runs(connection, RunFilter(), before=None, limit=1)[0].id == newest
