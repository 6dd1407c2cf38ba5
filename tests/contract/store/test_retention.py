"""Retention: what is too old goes, whole and in bites; everything else stays."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from engine.machine.events import Cancel, Start
from engine.services.janitor import Janitor
from engine.store import holders, retention
from engine.store.database import Database
from engine.store.idempotency import StoredAnswer, find_answer, keep_answer
from engine.store.logs import NewBatch, append_batches
from engine.store.schema import migrate
from engine.store.tables import (
    attempts,
    backfills,
    firings,
    log_batches,
    resources,
    run_data,
    run_labels,
    runs,
    sessions,
    task_runs,
)
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, asks, claim, end, ends
from tests.contract.store.rows import CLAIM, add

LATER = NOW + timedelta(seconds=1)


def finished(play: Play, logs: int = 0) -> str:
    [run_id] = play.create(labels={"team": "data"})
    play.apply(run_id, Start())
    play.apply(run_id, claim(run_id))
    play.apply(run_id, end(run_id))
    with play.database.write() as connection:
        batches = [NewBatch(f"{run_id}-0", 1, CLAIM, number, 1, b"x") for number in range(1, logs + 1)]
        append_batches(connection, batches, NOW)
    return run_id


def bites(database: Database, before=LATER) -> list[retention.Bite]:
    taken = []
    while not taken or taken[-1].rows:
        with database.write() as connection:
            taken.append(retention.delete_runs(connection, before))
    return taken[:-1]


def left(database: Database) -> dict[str, int]:
    tables = (runs, run_data, run_labels, task_runs, attempts, log_batches)
    with database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        }


def test_an_old_run_goes_with_all_that_is_its_own(database: Database) -> None:
    play = Play(database)
    finished(play, logs=3)
    assert bites(database) == [retention.Bite(runs=1, rows=8)]
    assert set(left(database).values()) == {0}


def test_what_is_young_or_goes_on_stays(database: Database) -> None:
    play = Play(database)
    finished(play)
    queued, running = play.create(2)
    play.apply(running, Start())
    assert bites(database, NOW) == []
    assert [bite.runs for bite in bites(database)] == [1]
    assert left(database)["runs"] == 2
    assert {play.load(run_id).run.id for run_id in (queued, running)} == {queued, running}


def test_a_run_larger_than_a_bite_goes_in_several(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_MAX", 10)
    play = Play(database)
    run_id = finished(play, logs=25)
    with database.write() as connection:
        assert retention.delete_runs(connection, LATER) == retention.Bite(0, 10)
        kept = connection.execute(select(log_batches.c.pos).order_by(log_batches.c.pos)).scalars().all()
    assert kept == list(range(1, 16))
    assert play.load(run_id).run.id == run_id
    assert [bite.runs for bite in bites(database)] == [0, 1]
    assert set(left(database).values()) == {0}


def test_many_runs_go_oldest_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "RUNS_MAX", 2)
    play = Play(database)
    run_ids = play.create(5)
    for run_id in run_ids:
        play.apply(run_id, Cancel())
    with database.write() as connection:
        assert retention.delete_runs(connection, LATER).runs == 2
        assert sorted(connection.execute(select(runs.c.id)).scalars()) == run_ids[2:]
    assert [bite.runs for bite in bites(database)] == [2, 1]


def test_old_firings_and_answers_go(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_MAX", 2)
    answer = StoredAnswer("digest", 201, {"id": 1})
    with database.write() as connection:
        for minute in range(3):
            add(connection, "firings", fire_time=NOW + timedelta(minutes=minute))
        add(connection, "firings", fire_time=NOW - timedelta(days=1), created_at=LATER)
        for key in ("a", "b", "c"):
            assert keep_answer(connection, "runs", key, answer, NOW)
        assert not keep_answer(connection, "runs", "a", answer, NOW)
        assert find_answer(connection, "runs", "a", NOW) == answer
        assert [retention.delete_firings(connection, LATER) for _ in range(3)] == [2, 1, 0]
        assert [retention.delete_idempotency_keys(connection, LATER) for _ in range(3)] == [2, 1, 0]
        assert connection.execute(select(func.count()).select_from(firings)).scalar_one() == 1


def test_resources_go_when_nobody_holds_or_wants_them(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS_MAX", 2)
    play = Play(database)
    holding, waiting = play.new_run(), play.new_run()
    with database.write() as connection:
        holders.settle(connection, [asks(holding, "held"), asks(waiting, "held")], NOW)
        for name in ("a", "b", "c"):
            add(connection, "resources", name=name)
        assert [retention.delete_idle_resources(connection) for _ in range(3)] == [2, 1, 0]
        assert connection.execute(select(resources.c.name)).scalars().all() == ["held"]
        holders.settle(connection, [ends(holding), ends(waiting)], NOW)
        assert retention.delete_idle_resources(connection) == 1


@pytest.mark.postgres
def test_a_resource_that_is_being_asked_for_is_left_alone(postgres_url: str) -> None:
    database = Database.open(postgres_url)  # SQLite has one writer at a time: nobody can be asking
    migrate(database)
    play = Play(database)
    with database.write() as connection:
        add(connection, "resources", name="wanted")
    with database.write() as asking, database.write() as cleaning:
        holders.settle(asking, [asks(play.new_run(), "wanted")], NOW)
        assert retention.delete_idle_resources(cleaning) == 0
    database.close()


def test_the_janitor_cleans_everything(database: Database) -> None:
    play = Play(database)
    for _ in range(3):
        finished(play, logs=2)
    with database.write() as connection:
        add(connection, "firings", created_at=NOW - timedelta(days=365))
        add(connection, "backfills", state="finished", finished_at=NOW - timedelta(days=365))
        add(connection, "resources")
        add(connection, "sessions", ended_at=NOW - timedelta(days=365))
    janitor = Janitor(database, retention_days=0.001)
    with database.exclusive("janitor"):
        assert janitor.clean() == 0
    later = Database.open(
        database.engine.url.render_as_string(hide_password=False), clock=lambda: NOW + timedelta(days=1)
    )
    assert Janitor(later, retention_days=0.001).clean() == 3
    later.close()
    with database.read() as connection:
        for table in (runs, log_batches, firings, backfills, resources, sessions):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
