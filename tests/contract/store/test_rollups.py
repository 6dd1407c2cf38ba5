"""Ended runs become figures: each once, in its hour and day, for its workflow and its namespace."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from dsl.model import Task
from engine.analytics import Figures, Width, bucket_of
from engine.machine.events import Cancel, Start
from engine.services.rollup import RollUp, forget_old_figures
from engine.store import rollups, rollups_kept
from engine.store.database import Database
from engine.store.rollups import EVERYTHING, add_counted, count_ended, scope_of_namespace
from engine.store.rollups_kept import count_pending, list_figures
from engine.store.tables import attempts, runs
from engine.store.tables_rollups import ended_runs, run_logs
from engine.store.tables_rollups import rollups as table
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, claim, end

LONG = timedelta(days=900)


def figures(database: Database, scope: str, width: Width = Width.DAY) -> Figures:
    """Return all that is known of a workflow or namespace."""
    total = Figures()
    with database.read() as connection:
        for row in list_figures(connection, scope, width, since=NOW - LONG, until=NOW + LONG):
            total.merge(row.figures)
    return total


def roll(database: Database) -> int:
    roll_up, counted = RollUp(database), 0
    while bite := roll_up.count():
        counted += bite
    return counted


def finished(play: Play, *, failed: bool = False, **fields) -> str:
    [run_id] = play.create(**fields)
    play.apply(run_id, Start())
    play.apply(run_id, claim(run_id))
    play.apply(run_id, end(run_id, failed=failed), now=NOW + timedelta(seconds=30))
    if failed:
        play.apply(run_id, claim(run_id, 2))
        play.apply(run_id, end(run_id, 2, failed=True), now=NOW + timedelta(seconds=60))
    return run_id


def test_runs_are_counted_for_their_workflow_and_their_namespace(database: Database) -> None:
    play, other = Play(database), Play(database)
    finished(play)
    finished(play, failed=True)
    finished(other)
    [queued] = play.create()
    assert roll(database) == 3
    own, all_of_them = figures(database, play.workflow_id), figures(database, scope_of_namespace("default"))
    assert own.runs == {"succeeded": 1, "failed": 1}
    assert all_of_them.runs == figures(database, EVERYTHING).runs == {"succeeded": 2, "failed": 1}
    assert (own.duration.total, own.duration.sum_seconds) == (2, 90.0)
    assert (own.queue_wait.total, own.task_wait.total) == (2, 3)
    assert figures(database, play.workflow_id, Width.HOUR) == own
    assert play.load(queued).run.id == queued


def test_a_run_counts_once(database: Database) -> None:
    play = Play(database)
    finished(play)
    with database.read() as connection:
        counted = count_ended(connection)
    with database.write() as connection:
        assert add_counted(connection, counted)
    with database.read() as connection:
        again = count_ended(connection)
    assert not again.run_ids
    with database.write() as connection:
        assert not add_counted(connection, counted)  # by another process, which had read the same
    assert figures(database, play.workflow_id).runs == {"succeeded": 1}


def test_what_is_not_committed_is_not_counted_and_not_lost(database: Database) -> None:
    play = Play(database)
    finished(play)
    with database.read() as connection:
        counted = count_ended(connection)
    with database.write() as connection:
        add_counted(connection, counted)
        connection.rollback()  # as when the process dies
    assert figures(database, play.workflow_id) == Figures()
    assert roll(database) == 1
    assert figures(database, play.workflow_id).runs == {"succeeded": 1}


def test_a_run_that_is_committed_late_counts_in_the_hour_it_ended(database: Database) -> None:
    play = Play(database)
    early, late = finished(play), finished(play)
    with database.write() as connection:
        connection.execute(ended_runs.delete().where(ended_runs.c.run_id == early))
    assert roll(database) == 1
    with database.write() as connection:  # its transaction is committed only now, whatever its id and its times are
        connection.execute(ended_runs.insert().values(run_id=early))
        connection.execute(update(runs).where(runs.c.id == early).values(finished_at=NOW - timedelta(hours=5)))
    assert roll(database) == 1
    with database.read() as connection:
        rows = list_figures(connection, play.workflow_id, Width.HOUR, since=NOW - LONG, until=NOW + LONG)
    hours = [bucket_of(NOW - timedelta(hours=5), Width.HOUR), bucket_of(NOW, Width.HOUR)]
    assert [(row.starts_at, row.figures.runs) for row in rows] == [(hour, {"succeeded": 1}) for hour in hours]
    assert play.load(late).run.finished_at is not None


def test_many_runs_take_several_bites(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "RUNS_MAX", 2)
    play = Play(database)
    for run_id in play.create(5):
        play.apply(run_id, Cancel())
    with database.read() as connection:
        assert count_pending(connection) == 5
    roll_up = RollUp(database)
    assert [roll_up.count() for _ in range(4)] == [2, 2, 1, 0]
    found = figures(database, play.workflow_id)
    assert (found.runs, found.duration.total) == ({"cancelled": 5}, 0)


def test_a_run_with_very_many_attempts_is_counted_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "ATTEMPTS_MAX", 2)
    play = Play(database)
    ids = sorted(finished(play, failed=True) for _ in range(2))
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(attempts)).scalar_one() == 4
        assert count_ended(connection).run_ids == ids[:1]


def test_lateness_is_that_of_schedules(database: Database) -> None:
    play = Play(database)
    nominal = {"kind": "cron", "name": "t", "scheduled_at": (NOW - timedelta(seconds=2)).isoformat()}
    finished(play, trigger=nominal)
    finished(play, trigger=nominal, backfill_id=play.workflow_id)  # old times on purpose
    finished(play, trigger={"kind": "manual"})
    assert roll(database) == 3
    lateness = figures(database, play.workflow_id).lateness
    assert (lateness.total, lateness.sum_seconds) == (1, 2.0)


def test_health_checks_are_counted_by_how_they_ended(database: Database) -> None:
    play = Play(database, Task(id="a", kind="heartbeat", spec={"url": "http://127.0.0.1"}))
    finished(play)
    [failing] = play.create()
    play.apply(failing, Start())
    play.apply(failing, claim(failing))
    play.apply(failing, end(failing, failed=True))
    assert roll(database) == 2
    found = figures(database, play.workflow_id)
    assert (found.checks, found.checks_up) == (2, 1)


def test_ended_runs_are_noted_for_the_size_of_their_log(database: Database) -> None:
    play = Play(database)
    run_id = finished(play)
    roll(database)
    with database.read() as connection:
        [row] = connection.execute(select(run_logs)).all()
    assert (row.run_id, row.workflow_id, row.bytes) == (run_id, play.workflow_id, None)


def test_a_run_that_is_gone_before_it_is_counted_holds_nothing_up(database: Database) -> None:
    play = Play(database)
    with database.write() as connection:
        connection.execute(ended_runs.insert().values(run_id="gone"))
    finished(play)
    assert roll(database) == 2
    assert figures(database, play.workflow_id).runs == {"succeeded": 1}


def test_old_figures_go(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups_kept, "ROWS_MAX", 1)
    finished(Play(database))
    roll(database)
    forget_old_figures(database, NOW + timedelta(days=41))
    with database.read() as connection:
        assert set(connection.execute(select(table.c.width)).scalars()) == {"day"}
    forget_old_figures(database, NOW + timedelta(days=802))
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_a_turn_counts_all_there_is_unless_another_process_does(database: Database) -> None:
    play = Play(database)
    finished(play)
    roll_up = RollUp(database, turn_seconds=0.0)
    with database.exclusive("roll-up"):
        roll_up.turn()
    assert figures(database, play.workflow_id).runs == {}
    roll_up.turn()
    assert figures(database, play.workflow_id).runs == {"succeeded": 1}


def test_old_figures_stay_when_the_process_is_to_end(database: Database) -> None:
    finished(Play(database))
    roll(database)
    forget_old_figures(database, NOW + timedelta(days=802), lambda: True)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 6
