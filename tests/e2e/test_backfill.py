"""A backfill goes on after `kill -9`, wherever it was: no time is run twice, none is left out."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Table, func, select

from engine.broker.memory import MemoryBroker
from engine.clock import new_id
from engine.services.asked_backfills import Wanted
from engine.services.backfills import Backfills, Standing
from engine.services.revision_cache import RevisionCache
from engine.store.database import Database
from engine.store.invariants import check
from engine.store.reads_backfills import BackfillRow, list_times, read_backfill
from engine.store.tables import workflows
from tests.e2e.processes import Processes, until
from tests.e2e.test_embedded import Server

HOURS = 72
FILLED = """
name: filled
triggers: {hourly: {cron: "0 * * * *"}}
defaults: {retry: {max_attempts: 5, on: [lost]}}
tasks: {work: {run: sleep 0.02}}
"""
RANGE = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-04T00:00:00Z", "parallel": 4}
KILLED_AFTER = (5, 20, 40)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path, {"CHRONOVERSE_HEARTBEAT_SECONDS": "0.5", "CHRONOVERSE_TTL_SECONDS": "2"}) as started:
        yield started


@pytest.mark.timeout(180)
def test_kill_9_in_the_middle_doubles_nothing_and_leaves_nothing_out(processes: Processes, tmp_path: Path) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "filled.yaml").write_text(FILLED)
    server = Server(processes, folder, "up-0")
    until(lambda: server.get("/workflows")["items"], 20, "the workflow is live")
    made = server.post("/workflows/default/filled/backfills", RANGE)
    for number, decided in enumerate(KILLED_AFTER, start=1):
        _until_made(server, made["id"], decided)
        server.process.kill()
        server = Server(processes, folder, f"up-{number}")
    _until_made(server, made["id"], HOURS)
    until(lambda: server.get(f"/backfills/{made['id']}")["state"] == "finished", 90, "the backfill finishes")

    shown = server.get(f"/backfills/{made['id']}")
    assert (shown["total"], shown["made"], shown["runs"]) == (HOURS, HOURS, {"succeeded": HOURS})
    times = server.get(f"/backfills/{made['id']}/times", limit=200)["items"]
    assert len({time["fire_time"] for time in times}) == len({time["run"] for time in times}) == HOURS
    assert [time["run"] for time in times] == sorted(time["run"] for time in times), "in the order of the clock"
    runs = server.runs("filled", backfill=made["id"], limit=200)
    assert {run["id"] for run in runs} == {time["run"] for time in times}


def _until_made(server: Server, backfill_id: str, number: int) -> None:
    until(lambda: server.get(f"/backfills/{backfill_id}")["made"] >= number, 60, f"{number} runs are made")


@pytest.mark.timeout(300)
def test_schedulers_take_turns_and_one_that_is_killed_is_not_missed(
    tmp_path: Path, postgres_url: str, rabbitmq_url: str
) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "filled.yaml").write_text(FILLED.replace("run: sleep 0.02", "set: {n: 1}"))
    environ = {"CHRONOVERSE_DATABASE_URL": postgres_url, "CHRONOVERSE_BROKER_URL": rabbitmq_url}
    database = Database.open(postgres_url)
    with Processes(tmp_path, environ) as processes:
        processes.start("engine", "engine")
        until(lambda: _migrated(database), 60, "the engine migrates the database")
        schedulers = [processes.start(f"scheduler-{number}", "scheduler") for number in (1, 2)]
        processes.start("sync", "sync", "--workflows", str(folder))
        until(lambda: _rows(database, workflows), 60, "the workflow is live")
        backfills = Backfills(database, MemoryBroker(), RevisionCache(database), database.now, new_id)
        since, until_ = (datetime.fromisoformat(str(RANGE[name])) for name in ("from", "to"))
        wanted = Wanted(since=since, until=until_, parallel=4, reverse=True)
        standing = backfills.create("default", "filled", wanted, by="me")
        assert isinstance(standing, Standing)
        made = standing.row
        until(lambda: _backfill(database, made.id).made >= 20, 60, "the backfill gets going")
        schedulers[0].kill()
        until(lambda: _backfill(database, made.id).state == "finished", 120, "the other one finishes it")
    assert _backfill(database, made.id).made == HOURS
    with database.read() as connection:
        times = list_times(connection, made, after=None, limit=200)
        assert check(connection, database.now()) == []
    assert len({time.run_id for time in times}) == len(times) == HOURS
    assert {time.run_state for time in times} == {"succeeded"}
    assert [time.run_id for time in times] == sorted((str(time.run_id) for time in times), reverse=True)
    database.close()


def _rows(database: Database, table: Table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _backfill(database: Database, backfill_id: str) -> BackfillRow:
    with database.read() as connection:
        found = read_backfill(connection, backfill_id)
    assert found is not None
    return found


def _migrated(database: Database) -> bool:
    with database.read() as connection:
        return bool(connection.dialect.has_table(connection, "parked_messages"))
