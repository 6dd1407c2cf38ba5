"""A revision that this program cannot run fails its own runs and no others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient
from sqlalchemy import update

from api.app import create_app
from api.dependencies import Dependencies
from engine.broker.messages import Finished, encode
from engine.clock import new_id
from engine.machine.model import Run
from engine.services.actions import Actions
from engine.services.executor import Executor
from engine.services.revision_cache import RevisionCache
from engine.services.wakes import queue_of, wake
from engine.store.database import Database
from engine.store.reads_runs import RunRow, read_run
from engine.store.schema import migrate
from engine.store.tables import revisions
from tests.contract.api.play import Play

CIRCLE = b'{"name":"n","tasks":{"a":{"id":"a","kind":"run","spec":{},"needs":["a"]}}}'


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    made = Database.open(f"sqlite:///{tmp_path / 'test.db'}" if sqlite else request.getfixturevalue("postgres_url"))
    migrate(made)
    yield made
    made.close()


@pytest.fixture
def play(database: Database) -> Iterator[Play]:
    made = Play(database)
    made.worker()
    made.files(bad="tasks: {a: {run: x}, b: {needs: [a], run: x}}", good="tasks: {a: {run: x}}")
    yield made
    made.close()


def create(play: Play, name: str) -> Run:
    actions = Actions(play.database, play.broker, RevisionCache(play.database), play.clock, new_id)
    run = actions.trigger(play.namespace, name, {})
    assert isinstance(run, Run)
    return run


def spoil(play: Play, run: Run, compiled: bytes) -> None:
    with play.database.write() as connection:
        connection.execute(update(revisions).where(revisions.c.id == run.revision_id).values(compiled=compiled))


def row(play: Play, run: Run) -> RunRow:
    with play.database.read() as connection:
        found = read_run(connection, run.id)
    assert found is not None
    return found


@pytest.mark.parametrize("compiled", [b"?", b'{"name": "n"}', CIRCLE], ids=["no JSON", "no workflow", "a circle"])
def test_only_its_own_runs_fail(play: Play, compiled: bytes) -> None:
    bad, good = create(play, "bad"), create(play, "good")
    spoil(play, bad, compiled)
    play.settle()
    ended = row(play, bad)
    assert (ended.state, ended.reason) == ("failed", "internal_error")
    assert "cannot be run by this program" in ended.message
    play.carry_out(good.id)
    assert row(play, good).state == "succeeded"


def test_what_came_of_it_can_still_be_looked_at_and_not_be_run_again(play: Play) -> None:
    bad = create(play, "bad")
    play.settle()
    play.carry_out(bad.id)
    spoil(play, bad, b"?")
    play.close()
    fresh = Executor(play.database, play.broker, clock=play.clock)
    wake(play.broker, [bad.id])
    fresh.turn()
    fresh.stop()
    app = create_app(Dependencies(database=play.database, broker=play.broker, clock=play.clock))
    with TestClient(app, base_url="http://127.0.0.1:8080") as api:
        shown = api.get(f"/api/v1/runs/{bad.id}").json()
        assert (shown["state"], shown["reason"]) == ("failed", "internal_error")
        assert [(task["task"], task["state"]) for task in shown["tasks"]] == [("a", "succeeded"), ("b", "cancelled")]
        for path in (f"runs/{bad.id}/tasks", f"runs/{bad.id}/explain", f"workflows/{play.namespace}/bad/explain"):
            assert api.get(f"/api/v1/{path}").status_code == 200, path
        again = api.post(f"/api/v1/runs/{bad.id}/retry")
    assert again.status_code == 409
    assert "cannot be run by this program" in again.json()["detail"]


def test_a_run_on_its_way_ends_and_its_worker_gets_an_answer(play: Play) -> None:
    bad = create(play, "bad")
    play.settle()
    claim = play.claim(bad.id)
    spoil(play, bad, b"?")
    play.close()
    inbox, now = play.broker.replies(), play.clock()
    finished = Finished(
        attempt=f"{bad.id}-0:1",
        claim_id=claim,
        session=play.session,
        reply_to=inbox.address,
        state="succeeded",
        started_at=now,
        finished_at=now,
    )
    play.broker.publish(queue_of(bad.id), [encode(finished)])
    fresh = Executor(play.database, play.broker, clock=play.clock)
    fresh.turn()
    fresh.stop()
    ended = row(play, bad)
    assert (ended.state, ended.reason) == ("failed", "internal_error")
    assert inbox.get(5) is not None, "the worker keeps its result until it is settled"


def test_a_child_of_an_unreadable_revision_fails_the_task_that_wants_it(play: Play) -> None:
    bad = create(play, "bad")
    play.files(parent=f"tasks: {{a: {{workflow: {{name: {play.namespace}/bad}}}}}}")
    spoil(play, bad, b"?")
    good, parent = create(play, "good"), create(play, "parent")
    play.settle()
    ended = row(play, parent)
    assert (ended.state, ended.reason) == ("failed", "task_failed")
    assert "cannot be run by this program" in ended.message
    wake(play.broker, [good.id])
    play.carry_out(good.id)
    assert row(play, good).state == "succeeded"
