"""What runs beside the engine goes by an index: counting ended runs, searching logs, keeping to their bounds."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from engine.analytics import Width
from engine.services.rollup import RollUp
from engine.store import logs_retention, reads_log_search, rollups, rollups_kept
from engine.store.database import Database
from tests.bench.million import fill
from tests.bench.million_rows import Past
from tests.contract.store.test_indexes import scans, statements

UNTIL = datetime(2026, 5, 1, tzinfo=UTC)
LONG_BEFORE = UNTIL - timedelta(days=900)
PAST = Past(workflows=50, runs=6_000, until=UNTIL, logged=0.3)
ONE = PAST.made[3].id

QUERIES: dict[str, Callable[[Connection], Any]] = {
    "count_ended": rollups.count_ended,
    "count_pending": rollups_kept.count_pending,
    "add_counted": lambda c: rollups.add_counted(c, rollups.count_ended(c)),
    "list_figures": lambda c: rollups_kept.list_figures(c, ONE, Width.HOUR, since=LONG_BEFORE, until=UNTIL),
    "forget_figures": lambda c: rollups_kept.forget_figures(c, Width.HOUR, LONG_BEFORE),
    "list_logged_runs": lambda c: reads_log_search.list_logged_runs(c, ONE, upto=None, until=UNTIL, limit=500),
    "list_batches_below": lambda c: reads_log_search.list_batches_below(c, ONE, below=9, limit=20),
    "measure_logs": lambda c: logs_retention.measure_logs(c, LONG_BEFORE),
    "list_oldest_logs": lambda c: logs_retention.list_oldest_logs(c, [ONE], finished_before=LONG_BEFORE, limit=500),
    "delete_logs": lambda c: logs_retention.delete_logs(c, [ONE], UNTIL),
}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def counted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A past of which a part is counted."""
    sqlite = request.param == "sqlite"
    place = f"sqlite:///{tmp_path_factory.mktemp('counting') / 'test.db'}"
    database = Database.open(place if sqlite else request.getfixturevalue("postgres_url"))
    fill(database, PAST)
    with database.write() as connection:
        connection.execute(text("INSERT INTO ended_runs SELECT id FROM runs"))
    roll_up = RollUp(database)
    for _ in range(10):
        roll_up.count()
    with database.write() as connection:
        connection.execute(text("ANALYZE"))
    yield database
    database.close()


@pytest.mark.parametrize("name", QUERIES)
def test_nothing_reads_a_growing_table_whole(counted: Database, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "RUNS_MAX", 10)  # as small beside all there are as a hundred are beside a million
    with counted.write() as connection:
        with statements(counted) as seen:
            QUERIES[name](connection)
        found = {statement: scans(connection, statement, parameters) for statement, parameters in seen}
        connection.rollback()
    assert found
    assert {statement: steps for statement, steps in found.items() if steps} == {}
