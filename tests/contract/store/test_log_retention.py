"""Logs go before their runs, by age and by size, for a workflow, a namespace and everything; in bounded bites."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from engine.machine.events import Start
from engine.services import log_retention
from engine.services.log_retention import LogRetention
from engine.services.rollup import RollUp
from engine.settings import LogLimit
from engine.store import logs_retention, retention
from engine.store.database import Database
from engine.store.logs import NewBatch, append_batches
from engine.store.reads_logs import log_standing
from engine.store.retention import delete_runs
from engine.store.tables import log_batches, runs
from engine.store.tables_rollups import run_logs
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, claim, end
from tests.contract.store.rows import CLAIM

DAY = 86_400.0


class Scene:
    """Workflows of one database, whose runs ended some days ago with logs of some bytes."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def logged(self, play: Play, days: float, batches: int = 1, size: int = 100) -> str:
        """Let a run end so many days ago with a log, and be counted."""
        [run_id] = play.create()
        play.apply(run_id, Start())
        play.apply(run_id, claim(run_id))
        ended = NOW - timedelta(days=days)
        play.apply(run_id, end(run_id), now=ended)
        lines = [NewBatch(f"{run_id}-0", 1, CLAIM, number, 1, b"x" * size) for number in range(1, batches + 1)]
        with self.database.write() as connection:
            append_batches(connection, lines, ended)
        RollUp(self.database).count()
        return run_id

    def keep(self, limits: Mapping[str, LogLimit] | None = None, **stop) -> int:
        return LogRetention(self.database, limits or {}, NOW, **stop).enforce()

    def left(self) -> dict[str, int]:
        """Return how many batches each run still has."""
        query = select(log_batches.c.run_id, func.count()).group_by(log_batches.c.run_id)
        with self.database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def test_the_nearest_rule_that_says_an_age_decides(scene: Scene) -> None:
    noisy, other, elsewhere = Play(scene.database), Play(scene.database), Play(scene.database, namespace="lab")
    runs_of = {play: [scene.logged(play, days) for days in (40, 20, 3)] for play in (noisy, other, elsewhere)}
    limits = {
        f"default/{noisy.workflow.name}": LogLimit(1 * DAY),
        f"default/{other.workflow.name}": LogLimit(bytes_max=2**30),  # says no age
        "default": LogLimit(10 * DAY),
        "*": LogLimit(30 * DAY),
    }
    assert scene.keep(limits) == 3 + 2 + 1
    assert set(scene.left()) == {runs_of[other][2], *runs_of[elsewhere][1:]}
    assert scene.keep(limits) == 0


def test_sizes_bound_what_is_kept_and_the_oldest_go(scene: Scene) -> None:
    one, two, far = Play(scene.database), Play(scene.database), Play(scene.database, namespace="lab")
    first, second, third = scene.logged(one, 3), scene.logged(two, 2), scene.logged(one, 1)
    lab = scene.logged(far, 9)
    assert scene.keep({"default": LogLimit(bytes_max=250)}) == 1
    assert set(scene.left()) == {second, third, lab}
    assert scene.keep({f"default/{one.workflow.name}": LogLimit(bytes_max=100)}) == 0
    assert scene.keep({"*": LogLimit(bytes_max=150)}) == 2
    assert set(scene.left()) == {third}
    assert first not in scene.left()


def test_nothing_is_deleted_without_a_rule_nor_of_runs_that_go_on(scene: Scene) -> None:
    play = Play(scene.database)
    kept = scene.logged(play, 300)
    [running] = play.create()
    with scene.database.write() as connection:
        append_batches(connection, [NewBatch(f"{running}-0", 1, CLAIM, 1, 1, b"x")], NOW - timedelta(days=300))
    assert scene.keep() == 0
    assert scene.keep({"nobody": LogLimit(1.0, 1)}) == 0
    assert set(scene.left()) == {kept, running}
    assert scene.keep({"*": LogLimit(1.0, 1)}) == 1
    assert set(scene.left()) == {running}


def test_a_log_is_measured_when_no_more_of_it_can_come(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_retention, "MEASURED_MAX", 1)
    play = Play(scene.database)
    big, late = scene.logged(play, 1, batches=3, size=200), scene.logged(play, 0)
    [silent] = play.create()
    play.apply(silent, Start())
    play.apply(silent, claim(silent))
    play.apply(silent, end(silent), now=NOW - timedelta(days=1))
    RollUp(scene.database).count()
    scene.keep()
    with scene.database.read() as connection:
        sizes = {row[0]: row[1] for row in connection.execute(select(run_logs.c.run_id, run_logs.c.bytes))}
    assert sizes == {big: 600, late: None}


def test_a_log_larger_than_a_bite_goes_from_its_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_retention, "ROWS_MAX", 4)
    run_id = scene.logged(Play(scene.database), 9, batches=10)
    turns = iter([False, False, False, False, True])
    assert scene.keep({"*": LogLimit(DAY)}, stopping=lambda: next(turns, True)) == 0
    with scene.database.read() as connection:
        left = connection.execute(select(log_batches.c.pos).order_by(log_batches.c.pos)).scalars().all()
    assert left == list(range(1, len(left) + 1))
    assert 0 < len(left) < 10
    assert scene.keep({"*": LogLimit(DAY)}) == 1
    assert run_id not in scene.left()


def test_many_logs_take_several_looks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_retention, "LOOK_MAX", 2)
    play = Play(scene.database)
    ids = [scene.logged(play, days) for days in (9, 8, 7, 6, 5)]
    assert scene.keep({"*": LogLimit(bytes_max=150)}) == 4
    assert set(scene.left()) == {ids[-1]}
    assert scene.keep({"*": LogLimit(DAY)}) == 1


def test_a_removed_log_is_whole_and_its_run_stays(scene: Scene) -> None:
    run_id = scene.logged(Play(scene.database), 9)
    scene.keep({"*": LogLimit(DAY)})
    with scene.database.read() as connection:
        standing = log_standing(connection, run_id)
        assert connection.execute(select(runs.c.state).where(runs.c.id == run_id)).scalar_one() == "succeeded"
    assert standing is not None
    assert (standing.ended, standing.missing, standing.removed_at) == (True, 0, NOW)


def test_with_a_run_goes_what_is_known_of_its_log(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "RUNS_MAX", 10)
    run_id = scene.logged(Play(scene.database), 9)
    with scene.database.write() as connection:
        connection.execute(update(runs).values(created_at=NOW - timedelta(days=10)))
        assert delete_runs(connection, NOW - timedelta(days=1)).runs == 1
        assert connection.execute(select(run_logs).where(run_logs.c.run_id == run_id)).all() == []
