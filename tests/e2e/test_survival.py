"""Two executors, two schedulers, three workers; a worker and an executor are killed and the broker restarted midway.

Every run ends, no firing happens twice or is missing, no attempt runs under two claims, no result counts twice.
"""

import itertools
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from engine.broker import connect
from engine.clock import new_id
from engine.machine.creation import new_run
from engine.machine.states import RUN_TERMINAL
from engine.services.revision_cache import RevisionCache
from engine.services.wakes import wake
from engine.store.database import Database
from engine.store.invariants import check
from engine.store.runs import create_runs
from engine.store.tables import attempts, firings, runs, sessions, workflows
from tests.e2e.processes import Processes, until
from tests.services import restart_rabbitmq
from tests.services.place import Place

RUNS = 200
GRAPH = """
name: graph
defaults: {retry: {max_attempts: 10, on: [lost]}, timeout: 5m}
env: {LEDGER: "%s"}
tasks:
  a:
    run: &step |
      sleep 0.02
      echo "$CHRONOVERSE_RUN_ID $CHRONOVERSE_TASK $CHRONOVERSE_ATTEMPT $CHRONOVERSE_CLAIM_ID" >> "$LEDGER"
  b1: {needs: [a], run: *step}
  b2: {needs: [a], run: *step}
  b3: {needs: [a], run: *step}
  c1: {needs: [b1, b2], run: *step}
  c2: {needs: [b2, b3], run: *step}
  d: {needs: [c1, c2], run: *step}
  e1: {needs: [d], run: *step}
  e2: {needs: [d], run: *step}
  f: {needs: [e1, e2], run: *step}
"""
TICKER = """
name: ticker
triggers: {second: {every: 1s, catchup: all}}
tasks: {tick: {set: {n: 1}}}
"""


@pytest.fixture
def environ(postgres_url: str, own_broker: Place) -> dict[str, str]:
    return {
        "CHRONOVERSE_DATABASE_URL": postgres_url,
        "CHRONOVERSE_BROKER_URL": own_broker.service.url,
        "CHRONOVERSE_ALLOW_PROCESSES": "true",
        "CHRONOVERSE_LOG_LEVEL": "info",
    }


@pytest.mark.timeout(300)
def test_every_run_ends_whatever_dies(tmp_path: Path, environ: dict[str, str], own_broker: Place) -> None:
    ledger = tmp_path / "ledger"
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "graph.yaml").write_text(GRAPH % ledger)
    (folder / "ticker.yaml").write_text(TICKER)
    database = Database.open(environ["CHRONOVERSE_DATABASE_URL"])
    with Processes(tmp_path, environ) as processes:
        executors = [processes.start("engine-1", "engine")]
        until(lambda: _migrated(database), 60, "the first engine migrates the database")
        executors.append(processes.start("engine-2", "engine"))
        for number in (1, 2):
            processes.start(f"scheduler-{number}", "scheduler")
        workers = [
            processes.start(f"worker-{n}", "worker", "--state", str(tmp_path / f"w{n}"), "--slots", "8")
            for n in (1, 2, 3)
        ]
        processes.start("sync", "sync", "--workflows", str(folder))
        until(lambda: _count(database, sessions) >= 3, 60, "three workers say hello")
        until(lambda: _count(database, workflows) == 2, 60, "both workflows are live")
        run_ids = _submit(database, environ["CHRONOVERSE_BROKER_URL"])

        until(lambda: _ended(database, run_ids) >= 10, 120, "runs get going")
        workers[0].kill()
        executors[0].kill()
        until(lambda: _ended(database, run_ids) >= 40, 120, "the others take over")
        restart_rabbitmq(own_broker.name)
        until(lambda: _ended(database, run_ids) == RUNS, 200, "every run ends")
        _ticks_have_no_gap(database)
    _referee(database, run_ids, ledger)
    database.close()


def _migrated(database: Database) -> bool:
    with database.read() as connection:
        return bool(connection.dialect.has_table(connection, "parked_messages"))


def _count(database: Database, table: object) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def _submit(database: Database, broker_url: str) -> list[str]:
    with database.read() as connection:
        row = connection.execute(select(workflows).where(workflows.c.name == "graph")).one()
    revision = RevisionCache(database).get(row.active_revision_id)
    created = [
        new_run(
            run_id=new_id(),
            graph=revision.graph,
            workflow_id=row.id,
            revision_id=revision.id,
            revision=1,
            trigger={"kind": "manual"},
            inputs={},
            now=database.now(),
        )
        for _ in range(RUNS)
    ]
    with database.write() as connection:
        create_runs(connection, created)
    broker = connect(broker_url, name="test")
    broker.declare(["default"])
    wake(broker, [run.id for run in created])
    broker.close()  # a wake that is lost with it costs a sweep
    return [run.id for run in created]


def _ended(database: Database, run_ids: list[str]) -> int:
    ended = [str(state) for state in RUN_TERMINAL]
    with database.read() as connection:
        query = select(func.count()).select_from(runs).where(runs.c.id.in_(run_ids), runs.c.state.in_(ended))
        return connection.execute(query).scalar_one()


def _ticks_have_no_gap(database: Database) -> None:
    with database.read() as connection:
        times = list(connection.execute(select(firings.c.fire_time).order_by(firings.c.fire_time)).scalars())
    assert len(times) > 10
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {timedelta(seconds=1)}


def _referee(database: Database, run_ids: list[str], ledger: Path) -> None:
    with database.read() as connection:
        states = Counter(connection.execute(select(runs.c.state).where(runs.c.id.in_(run_ids))).scalars())
        assert states == {"succeeded": RUNS}
        ticker = select(runs.c.id).where(runs.c.trigger_kind == "every")
        fired = list(connection.execute(select(firings.c.run_id).where(firings.c.run_id.is_not(None))).scalars())
        assert sorted(fired) == sorted(connection.execute(ticker).scalars())
        broken = [item for item in check(connection, database.now()) if "trigger" not in item.invariant.name]
        assert not broken
        lost = connection.execute(
            select(func.count()).select_from(attempts).where(attempts.c.reason == "lost")
        ).scalar_one()
        assert lost > 0, "the kill came too late to cut anything: the test has shown nothing"
    claims: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for line in ledger.read_text().splitlines():
        *attempt, claim = line.split()
        claims[tuple(attempt)].add(claim)
    doubled = {attempt: found for attempt, found in claims.items() if len(found) > 1}
    assert not doubled, f"attempts that ran under two claims: {doubled}"
