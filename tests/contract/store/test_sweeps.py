"""What the sweeps see: that which a lost message would have said, and nothing else."""

from datetime import datetime, timedelta

from sqlalchemy import update

from dsl.model import Task
from engine.machine.changes import NewSignal
from engine.machine.events import Cancel, Start
from engine.store import holders, sessions, sweeps
from engine.store.database import Database
from engine.store.signals import insert_signals
from engine.store.tables import task_runs
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, asks, claim
from tests.contract.store.rows import SESSION
from tests.contract.store.test_sessions import beat


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def started(play: Play, number: int = 1) -> list[str]:
    run_ids = play.create(number)
    for run_id in run_ids:
        play.apply(run_id, Start())
    return run_ids


def test_an_unsent_attempt_is_found_until_it_is_sent(database: Database) -> None:
    play = Play(database)
    [run_id, sent, claimed, _] = [*started(play, 3), *play.create()]
    play.apply(claimed, claim(claimed))
    play.commit(dispatched=[f"{sent}-0"])
    with database.read() as connection:
        assert sweeps.unsent(connection, NOW) == []
        [found] = sweeps.unsent(connection, after(1))
    assert (found.attempt, found.pool, found.kind) == (f"{run_id}-0:1", "default", "run")
    with database.write() as connection:
        sweeps.mark_sent(connection, [found], after(2))
        sweeps.mark_sent(connection, [], NOW)
        assert sweeps.unsent(connection, after(9)) == []


def test_the_oldest_of_a_pool_are_offered_again(database: Database) -> None:
    play = Play(database)
    run_ids = started(play, 3)
    task_run_ids = [f"{run_id}-0" for run_id in run_ids]
    with database.write() as connection:
        for age, task_run_id in enumerate(reversed(task_run_ids)):
            moment = after(-100 + age)
            where = task_runs.c.id == task_run_id
            connection.execute(update(task_runs).where(where).values(queued_at=moment, dispatched_at=moment))
        names = [row.attempt for row in sweeps.oldest_queued(connection, "default", 2, after(-60))]
        assert names == [f"{task_run_ids[2]}:1", f"{task_run_ids[1]}:1"]
        assert sweeps.oldest_queued(connection, "default", 2, after(-100)) == []
        assert sweeps.oldest_queued(connection, "other", 2, NOW) == []


def test_queued_attempts_are_counted_by_pool(database: Database) -> None:
    started(Play(database), 2)
    started(Play(database, Task(id="a", kind="run", spec={"script": "true"}, pool="gpu")))
    ended = Play(database)
    [run_id] = started(ended)
    ended.apply(run_id, Cancel())
    with database.read() as connection:
        assert sweeps.queued_by_pool(connection) == {"default": 2, "gpu": 1}


def test_due_signals_and_idle_runs_are_woken(database: Database) -> None:
    play = Play(database)
    idle, waiting, signalled, later = play.create(4)
    with database.write() as connection:
        holders.settle(connection, [asks(play.load(run_id).run, "r") for run_id in (later, waiting)], NOW)
    play.apply(signalled, Start())
    with database.write() as connection:
        insert_signals(connection, [(signalled, NewSignal("cancel", {}, NOW)) for _ in range(2)])
        assert sweeps.runs_to_wake(connection, NOW) == []
        found = sweeps.runs_to_wake(connection, after(1))
    assert sorted(found) == sorted([later, signalled, idle])  # `later` by its signal `granted`
    assert waiting not in found


def test_a_running_attempt_without_a_live_session_is_found(database: Database) -> None:
    play = Play(database)
    gone, strange, alive = started(play, 3)
    play.apply(gone, claim(gone, session=SESSION))
    play.apply(strange, claim(strange, session=SESSION.replace("c", "e")))
    play.apply(alive, claim(alive, session=SESSION.replace("c", "f")))
    with database.write() as connection:
        beats = [beat(SESSION, "w1"), beat(SESSION.replace("c", "f"), "w2")]
        sessions.renew(connection, beats, NOW, timedelta(seconds=7))
        sessions.end(connection, [SESSION], NOW)
        assert [row.run_id for row in sweeps.without_session(connection, NOW)] == [strange]
        found = {row.run_id for row in sweeps.without_session(connection, after(1))}
    assert found == {gone, strange}


def test_an_overdue_attempt_is_told_once(database: Database) -> None:
    play = Play(database, Task(id="a", kind="run", spec={"script": "true"}, timeout_seconds=60, grace_seconds=10))
    late, unclaimed = started(play, 2)
    play.apply(late, claim(late))
    with database.write() as connection:
        assert sweeps.signal_overdue(connection, after(60), after(60)) == set()
        assert sweeps.signal_overdue(connection, after(71), after(71)) == {late}
        assert sweeps.signal_overdue(connection, after(72), after(72)) == {late}
    [signal] = play.due(late)
    assert (signal.kind, signal.payload) == ("overdue", {"task_run_id": f"{late}-0", "claim_id": "c1"})
    assert play.due(unclaimed) == []
