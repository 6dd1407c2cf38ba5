"""The queries that run all the time go by an index: none reads the whole of a table that grows."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from engine.machine.advance import advance
from engine.machine.events import Cancel
from engine.store import holders, reads_backfills, reads_gauges, retention, sessions, signals, sweeps
from engine.store.database import Database
from engine.store.logs import NewBatch, append_batches
from engine.store.reads_runs import list_runs
from engine.store.run_filter import RunFilter
from engine.store.runs import WorkflowCache, Written, commit, load_runs
from engine.store.schema import migrate
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, asks, ends
from tests.contract.store.rows import CLAIM, SESSION
from tests.contract.store.test_sessions import beat

GROWING = ("runs", "run_data", "task_runs", "attempts", "log_batches", "firings", "signals", "holders")
ENDED_RUNS = 20_000
LONG_BEFORE = NOW - timedelta(days=365)

Query = Callable[[Connection], Any]


class Scene:
    """A database with much in it, a queued run, and what it is about to do."""

    def __init__(self, database: Database) -> None:
        self.database = database
        play = Play(database)
        self.run_id, cancelled = play.create(2)
        self.task_run_id = f"{self.run_id}-0"
        self.run = play.new_run()
        self.cancel = lambda: advance(play.load(cancelled), [Cancel()], NOW)

    def query(self, name: str) -> Query:
        batch = [self.cancel()]
        queries: dict[str, Query] = {
            "load_runs": lambda c: load_runs(c, [self.run_id], WorkflowCache()),
            "due_signals": lambda c: signals.due_signals(c, [self.run_id], NOW),
            "commit": lambda c: commit(c, Written(batch, dispatched=[self.task_run_id]), NOW),
            "acquire": lambda c: holders.settle(c, [asks(self.run, "r1", overlap="cancel_running")], NOW),
            "release": lambda c: holders.settle(c, [ends(asks(self.run, "r1").run)], NOW),
            "unsent": lambda c: sweeps.unsent(c, NOW),
            "oldest_queued": lambda c: sweeps.oldest_queued(c, "default", 10, NOW),
            "queued_by_pool": sweeps.queued_by_pool,
            "all_open_runs": reads_gauges.open_runs,
            "runs_to_wake": lambda c: sweeps.runs_to_wake(c, NOW),
            "without_session": lambda c: sweeps.without_session(c, NOW),
            "signal_overdue": lambda c: sweeps.signal_overdue(c, NOW, NOW),
            "attempts_of": lambda c: sessions.attempts_of(c, [beat(SESSION, held=(f"{self.task_run_id}:1",))]),
            "expire": lambda c: sessions.expire(c, NOW),
            "append_batches": lambda c: append_batches(c, [NewBatch(self.task_run_id, 1, CLAIM, 1, 1, b"")], NOW),
            "delete_runs": lambda c: retention.delete_runs(c, LONG_BEFORE),
            "delete_firings": lambda c: retention.delete_firings(c, LONG_BEFORE),
            "list_by_trigger": lambda c: list_runs(c, RunFilter(trigger="webhook"), before=None, limit=50),
            "list_by_trigger_on": lambda c: list_runs(c, RunFilter(trigger="manual"), before=self.run_id, limit=50),
            "open_runs": lambda c: reads_backfills.open_runs(c, self.run_id),
            "pools_in_demand": lambda c: reads_backfills.pools_in_demand(c, ["default"], NOW),
            "count_runs": lambda c: reads_backfills.count_runs(c, [self.run_id]),
            "newest_runs": lambda c: reads_backfills.newest_runs(c, self.run.workflow_id, "t", [NOW, LONG_BEFORE]),
            "list_by_backfill": lambda c: list_runs(c, RunFilter(backfill=self.run_id), before=None, limit=50),
        }
        return queries[name]


NAMES = (
    *("load_runs", "due_signals", "commit", "acquire", "release", "unsent", "oldest_queued", "queued_by_pool"),
    *("runs_to_wake", "without_session", "signal_overdue", "attempts_of", "expire", "append_batches"),
    *("delete_runs", "delete_firings", "list_by_trigger", "list_by_trigger_on"),
    *("all_open_runs", "open_runs", "pools_in_demand", "count_runs", "newest_runs", "list_by_backfill"),
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('indexes') / 'test.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    database = Database.open(url)
    migrate(database)
    with database.write() as connection:
        for statement in _many_rows(database.dialect):
            connection.execute(text(statement))
        connection.execute(text("ANALYZE"))
    yield Scene(database)
    database.close()


def _many_rows(dialect: str) -> Iterator[str]:
    """Give statements that fill each growing table with rows of runs that ended, or are due, at another time."""
    if dialect == "postgresql":
        numbers = f"WITH n AS (SELECT i FROM generate_series(1, {ENDED_RUNS}) AS g(i))"
        run, other = (f"'{prefix}-0000-7000-8000-' || lpad(i::text, 12, '0')" for prefix in ("01890000", "01880000"))
        now, far = "timestamptz '2026-01-01'", "timestamptz '2036-01-01'"
    else:
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ENDED_RUNS})"
        run, other = (
            f"'{prefix}-0000-7000-8000-' || substr('00000000000' || i, -12)" for prefix in ("01890000", "01880000")
        )
        now, far = "1767225600000000", "2082758400000000"
    task = f"{run} || '-0'"
    rows = {
        "runs (id, workflow_id, revision_id, state, trigger_kind, created_at, finished_at)": (
            f"{run}, 'w', 'r', 'succeeded', 'manual', {now}, {now}"
        ),
        'run_data (run_id, inputs, "trigger", labels)': f"{run}, '{{}}', '{{}}', '{{}}'",
        "task_runs (id, run_id, task, ordinal, state, kind, pool, attempt, queued_at)": (
            f"{task}, {run}, 'a', 0, 'succeeded', 'run', 'default', 1, {now}"
        ),
        "attempts (task_run_id, number, run_id, state, finished_at)": f"{task}, 1, {run}, 'succeeded', {now}",
        "log_batches (run_id, pos, task_run_id, attempt, claim_id, batch_no, line_count, data, created_at)": (
            f"{run}, 1, {task}, 1, 'c', 1, 1, '', {now}"
        ),
        'firings (workflow_id, "trigger", fire_time, outcome, run_id, created_at)': (
            f"{run}, 't', {now}, 'run', {run}, {now}"
        ),
        "signals (run_id, kind, payload, due_at, dedupe_key)": f"{other}, 'task_timer', '{{}}', {far}, 'k' || i",
        "holders (resource, run_id, position, created_at)": f"'r' || i % 500, {other}, i, {now}",
    }
    for table, values in rows.items():
        yield f"INSERT INTO {table} {numbers} SELECT {values} FROM n"
    yield "INSERT INTO resources (name, capacity) VALUES ('r1', 1)"


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database meanwhile, as it is sent."""
    seen: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def scans(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Return the steps of the plan that read a growing table whole."""
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    plan = [str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)]
    # SQLite says SCAN of an index too; a partial one holds only what is open.
    whole = re.compile(rf"(SCAN|Seq Scan on) ({'|'.join(GROWING)})\b(?! USING (COVERING )?INDEX ix_(task_)?runs_open)")
    return [step for step in plan if whole.search(step)]


@pytest.mark.parametrize("name", NAMES)
def test_no_hot_query_reads_a_growing_table_whole(scene: Scene, name: str) -> None:
    query = scene.query(name)
    with scene.database.write() as connection:
        with statements(scene.database) as seen:
            query(connection)
        found = {statement: scans(connection, statement, parameters) for statement, parameters in seen}
        connection.rollback()
    assert found
    assert {statement: steps for statement, steps in found.items() if steps} == {}


def test_a_scan_would_be_seen(scene: Scene) -> None:
    with scene.database.read() as connection:
        assert scans(connection, "SELECT id FROM task_runs WHERE message = 'x'", ())
