"""Sessions: leases renewed, replaced and expired, and what they held."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.machine.events import Cancel, Start
from engine.store import sessions
from engine.store.database import Database
from engine.store.sessions import Beat
from engine.store.tables import sessions as sessions_table
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, claim

OLD, NEW, OTHER = (f"01890000-0000-7000-8000-00000000000{digit}" for digit in "abc")
TTL = timedelta(seconds=7)


def beat(session: str = OLD, worker: str = "w1", **fields) -> Beat:
    standard = Beat(session, worker, "host", ("default",), ("run",), 4, "reply", False, (), frozenset())
    return replace(standard, **fields)


def renew(database: Database, *beats: Beat, seconds: float = 0) -> list[str]:
    """Renew; return the attempts that were taken from older sessions."""
    with database.write() as connection:
        return [row.name for row in sessions.renew(connection, beats, NOW + timedelta(seconds=seconds), TTL)]


def live(database: Database) -> set[str]:
    with database.read() as connection:
        return sessions.live_sessions(connection)


@pytest.fixture
def running(database: Database) -> str:
    """A run whose attempt is running in the session OLD; gives the attempt's name."""
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Start())
    play.apply(run_id, claim(run_id, session=OLD))
    return f"{run_id}-0:1"


def test_a_beat_makes_and_renews_a_session(database: Database) -> None:
    assert renew(database, beat()) == []
    assert renew(database, beat(reply_to="elsewhere", draining=True), seconds=3) == []
    with database.read() as connection:
        row = connection.execute(select(sessions_table)).one()
    assert (row.worker, row.host, row.pools, row.kinds, row.slots) == ("w1", "host", ["default"], ["run"], 4)
    assert (row.reply_to, row.draining, row.started_at) == ("elsewhere", True, NOW)
    assert (row.seen_at, row.expires_at) == (NOW + timedelta(seconds=3), NOW + timedelta(seconds=10))
    assert live(database) == {OLD}


def test_a_new_session_ends_its_workers_older_one(database: Database, running: str) -> None:
    renew(database, beat(OLD), beat(OTHER, worker="w2"))
    assert renew(database, beat(NEW)) == [running]
    assert live(database) == {NEW, OTHER}


def test_what_is_taken_over_is_not_lost(database: Database, running: str) -> None:
    renew(database, beat(OLD))
    assert renew(database, beat(NEW, reattached=frozenset({running}))) == []
    assert live(database) == {NEW}


def test_a_late_beat_of_the_older_session_ends_nothing(database: Database) -> None:
    renew(database, beat(NEW))
    renew(database, beat(OLD), seconds=1)
    assert NEW in live(database)


def test_a_lease_expires_at_its_time(database: Database, running: str) -> None:
    renew(database, beat(OLD), beat(OTHER, worker="w2"))
    renew(database, beat(OTHER, worker="w2"), seconds=5)
    with database.write() as connection:
        assert sessions.expire(connection, NOW + TTL - timedelta(microseconds=1)) == []
        [lost] = sessions.expire(connection, NOW + TTL)
        assert sessions.expire(connection, NOW + TTL) == []
    assert (lost.name, lost.claim_id, lost.session, lost.worker) == (running, "c1", OLD, "worker")
    assert live(database) == {OTHER}


def test_an_end_gives_what_it_held(database: Database, running: str) -> None:
    renew(database, beat(OLD))
    with database.write() as connection:
        assert sessions.end(connection, [], NOW) == []
        assert [row.name for row in sessions.end(connection, [OLD], NOW)] == [running]


def test_lost_is_said_once(database: Database, running: str) -> None:
    run_id = running[:36]
    with database.write() as connection:
        lost = sessions.running_of(connection, [OLD])
        assert sessions.signal_lost(connection, lost, NOW) == {run_id}
        assert sessions.signal_lost(connection, lost, NOW) == {run_id}
        assert sessions.signal_lost(connection, [], NOW) == set()
    [signal] = Play(database).due(run_id)
    assert signal.kind == "lost"
    assert signal.payload == {"task_run_id": f"{run_id}-0", "claim_id": "c1", "session": OLD}


def test_how_the_listed_attempts_stand(database: Database, running: str) -> None:
    play = Play(database)
    queued, stopped, ended = play.create(3)
    for run_id in (queued, stopped, ended):
        play.apply(run_id, Start())
    play.apply(ended, Cancel())
    play.apply(stopped, claim(stopped, session=OTHER), Cancel())
    held = (running, f"{queued}-0:1", f"{stopped}-0:1", f"{ended}-0:1", "nonsense:1")
    beats = [beat(OLD, held=held), beat(NEW, worker="w2")]
    with database.read() as connection:
        by_session, standing = sessions.attempts_of(connection, beats)
    assert {session: [row.name for row in rows] for session, rows in by_session.items()} == {OLD: [running]}
    assert standing.keys() == {running, f"{queued}-0:1", f"{stopped}-0:1"}
    assert [(standing[name].running, standing[name].stop) for name in held[:3]] == [
        (True, False),
        (False, False),
        (True, True),
    ]


def test_ended_sessions_are_forgotten_in_time(database: Database) -> None:
    renew(database, beat(OLD), beat(OTHER, worker="w2"))
    with database.write() as connection:
        sessions.end(connection, [OLD], NOW)
        assert sessions.forget_sessions(connection, NOW) == 0
        assert sessions.forget_sessions(connection, NOW + timedelta(seconds=1)) == 1
        assert sessions.forget_sessions(connection, NOW + timedelta(days=99)) == 0
