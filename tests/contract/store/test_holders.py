"""Holders: who gets a limited resource, who waits, who is told what."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from dsl.model import Concurrency, Overlap
from engine.machine.advance import advance
from engine.machine.changes import Changes
from engine.machine.events import Cancel, Event, Granted, Start
from engine.machine.model import Run
from engine.machine.states import RunState
from engine.store import holders
from engine.store.database import Database
from engine.store.sweeps import holders_of_ended_runs, resources_with_room
from engine.store.tables import holders as holders_table
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, asks, ends


class Line:
    """Runs of one workflow that ask for resources."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._play = Play(database)

    def run(self) -> Run:
        return self._play.new_run()

    def settle(self, *batch: Changes) -> set[str]:
        with self.database.write() as connection:
            return holders.settle(connection, batch, NOW)

    def told(self, *of: Run) -> list[tuple[int, str]]:
        """What was said to these runs, in order, as (number of the run, kind)."""
        numbers = {run.id: number for number, run in enumerate(of)}
        return [(numbers[row.run_id], row.kind) for row in self._play.due(*numbers)]

    def said(self, run: Run) -> dict:
        return self._play.due(run.id)[-1].payload

    def standing(self, resource: str) -> list[tuple[str, bool]]:
        query = select(holders_table.c.run_id, holders_table.c.held_at).where(holders_table.c.resource == resource)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(holders_table.c.position)).all()
        return [(run_id, held_at is not None) for run_id, held_at in rows]


@pytest.fixture
def line(database: Database) -> Line:
    return Line(database)


def test_the_first_is_granted_and_the_others_wait_in_order(line: Line) -> None:
    one, two, three = runs = [line.run() for _ in range(3)]
    assert line.settle(asks(one, "r"), asks(two, "r")) == {one.id}
    assert line.settle(asks(three, "r")) == set()
    assert line.standing("r") == [(one.id, True), (two.id, False), (three.id, False)]
    assert line.told(*runs) == [(0, "granted")]


def test_an_end_grants_the_next_in_line(line: Line) -> None:
    one, two, three = runs = [line.run() for _ in range(3)]
    line.settle(*(asks(run, "r") for run in runs))
    assert line.settle(ends(one)) == {two.id}
    assert line.standing("r") == [(two.id, True), (three.id, False)]
    assert line.settle(ends(three)) == set()
    assert line.settle(ends(two)) == set()
    assert line.standing("r") == []


def test_as_many_as_the_limit_hold(line: Line) -> None:
    runs = [line.run() for _ in range(5)]
    assert line.settle(*(asks(run, "r", limit=3) for run in runs)) == {run.id for run in runs[:3]}
    assert line.settle(ends(runs[0]), ends(runs[2])) == {run.id for run in runs[3:]}


def test_resources_do_not_know_each_other(line: Line) -> None:
    one, two, three = (line.run() for _ in range(3))
    assert line.settle(asks(two, "b"), asks(one, "a"), asks(three, "a")) == {one.id, two.id}
    assert line.settle(ends(two)) == set()
    assert line.standing("a") == [(one.id, True), (three.id, False)]


def test_who_waited_comes_before_who_asks_in_the_same_batch(line: Line) -> None:
    one, two, late, impatient = (line.run() for _ in range(4))
    line.settle(asks(one, "r"), asks(two, "r"))
    woken = line.settle(asks(late, "r"), ends(one), asks(impatient, "r", overlap="skip"))
    assert woken == {two.id, impatient.id}
    assert line.standing("r") == [(two.id, True), (late.id, False)]
    assert line.told(impatient) == [(0, "full")]


def test_those_in_the_background_stand_behind_all_others(line: Line) -> None:
    holder, early, late, live = runs = [line.run() for _ in range(4)]
    line.settle(asks(holder, "r"))
    line.settle(asks(early, "r", background=True), asks(late, "r", background=True))
    line.settle(asks(live, "r"))
    assert line.standing("r") == [(holder.id, True), (live.id, False), (early.id, False), (late.id, False)]
    for run in (holder, live, early, late):
        line.settle(ends(run))
    assert [number for number, _ in line.told(*runs)] == [0, 3, 1, 2]


def test_what_comes_free_goes_to_who_asks_before_the_background(line: Line) -> None:
    holder, waiting, live = [line.run() for _ in range(3)]
    line.settle(asks(holder, "r"), asks(waiting, "r", background=True))
    assert line.settle(asks(live, "r"), ends(holder)) == {live.id}
    assert line.standing("r") == [(live.id, True), (waiting.id, False)]


def test_a_backfill_makes_nobody_skip(line: Line) -> None:
    filling, live, second = [line.run() for _ in range(3)]
    line.settle(asks(filling, "r", background=True))
    assert line.settle(asks(live, "r", overlap="skip")) == set()
    assert line.settle(asks(second, "r", overlap="skip")) == {second.id}
    assert line.told(filling, live, second) == [(0, "granted"), (2, "full")]
    assert line.settle(ends(filling)) == {live.id}


def test_cancel_running_leaves_the_waiting_of_a_backfill_alone(line: Line) -> None:
    filling, waiting, live = runs = [line.run() for _ in range(3)]
    line.settle(asks(filling, "r", background=True), asks(waiting, "r", background=True))
    line.settle(asks(live, "r", overlap="cancel_running"))
    assert line.told(*runs) == [(0, "granted"), (0, "cancel")]


def test_skip_is_told_who_is_in_the_way(line: Line) -> None:
    runs = [line.run() for _ in range(7)]
    line.settle(*(asks(run, "r", limit=6) for run in runs[:6]))
    assert line.settle(asks(runs[6], "r", limit=6, overlap="skip")) == {runs[6].id}
    message = line.said(runs[6])["message"]
    assert message.startswith("at most 6 may run at once; running: ")
    assert all(run.id in message for run in runs[:5])
    assert message.endswith(" and 1 more")
    assert runs[6].id not in dict(line.standing("r"))


def test_skip_with_room_is_granted(line: Line) -> None:
    one = line.run()
    assert line.settle(asks(one, "r", overlap="skip")) == {one.id}
    assert line.told(one) == [(0, "granted")]


def test_cancel_running_cancels_all_that_stand_before(line: Line) -> None:
    one, two, three = runs = [line.run() for _ in range(3)]
    line.settle(asks(one, "r"))
    assert line.settle(asks(two, "r", overlap="cancel_running")) == {one.id}
    assert line.said(one) == {"reason": "cancelled_by_overlap", "by": f"run {two.id}"}
    assert line.settle(asks(three, "r", overlap="cancel_running")) == {one.id, two.id}
    assert line.told(*runs) == [(0, "granted"), (0, "cancel"), (0, "cancel"), (1, "cancel")]
    assert line.settle(ends(two)) == set()
    assert line.settle(ends(one)) == {three.id}


def test_cancel_running_in_one_batch_leaves_the_newest(line: Line) -> None:
    one, two, three = runs = [line.run() for _ in range(3)]
    line.settle(*(asks(run, "r", overlap="cancel_running") for run in runs))
    assert line.told(one, two, three) == [(0, "granted"), (0, "cancel"), (0, "cancel"), (1, "cancel")]


def test_a_raised_limit_lets_those_in_who_wait(line: Line) -> None:
    one, two, three, four = (line.run() for _ in range(4))
    line.settle(asks(one, "r"), asks(two, "r"), asks(three, "r"))
    assert line.settle(asks(four, "r", limit=3)) == {two.id, three.id}
    assert line.standing("r") == [(one.id, True), (two.id, True), (three.id, True), (four.id, False)]


def test_a_lowered_limit_takes_nothing_back(line: Line) -> None:
    one, two, three = (line.run() for _ in range(3))
    line.settle(asks(one, "r", limit=2), asks(two, "r", limit=2))
    assert line.settle(asks(three, "r", limit=1)) == set()
    assert line.settle(ends(one)) == set()
    assert line.settle(ends(two)) == {three.id}


def test_who_ends_before_it_was_entered_is_not_entered(line: Line) -> None:
    run = line.run()
    changes = asks(run, "r")
    changes.ended = True
    assert line.settle(changes) == set()
    assert line.standing("r") == []
    assert line.told(run) == []


def test_asking_twice_keeps_the_place(line: Line) -> None:
    one, two, three = (line.run() for _ in range(3))
    line.settle(asks(one, "r"), asks(two, "r"), asks(three, "r"))
    line.settle(asks(two, "r"))
    assert line.standing("r") == [(one.id, True), (two.id, False), (three.id, False)]


def test_a_batch_without_limits_asks_nothing_of_the_database(line: Line) -> None:
    run = line.run()
    assert holders.settle(None, [ends(run)], NOW) == set()  # type: ignore[arg-type]


def test_the_sweep_finds_and_repairs(line: Line, database: Database) -> None:
    play = Play(database, concurrency=Concurrency(limit=1, overlap=Overlap.QUEUE))
    one, two = play.create(2)
    play.apply(one, Start())
    play.apply(two, Start())
    play.apply(one, Granted())
    with database.read() as connection:
        assert holders_of_ended_runs(connection) == []
        assert resources_with_room(connection) == []
    with database.write() as connection:  # what must never be: the row goes, and nobody is told
        resource = connection.execute(select(holders_table.c.resource).limit(1)).scalar_one()
        connection.execute(holders_table.delete().where(holders_table.c.run_id == one))
    with database.read() as connection:
        assert resources_with_room(connection) == [resource]
    with database.write() as connection:
        assert holders.grant_waiting(connection, [resource], NOW + timedelta(seconds=1)) == {two}
        assert holders.grant_waiting(connection, [resource], NOW) == set()


def test_a_limited_run_from_its_start_to_the_next_ones(database: Database) -> None:
    play = Play(database, concurrency=Concurrency(limit=1, overlap=Overlap.QUEUE))
    one, two = play.create(2)
    assert play.commit(_advance(play, one), _advance(play, two)).woken == {one}
    execution = play.apply(one, Granted())
    assert execution.run.state is RunState.RUNNING
    assert play.load(two).run.state is RunState.QUEUED
    result = play.commit(_advance(play, one, Cancel()))
    assert result.woken == {two}
    assert [row.kind for row in play.due(one, two)] == ["granted"]


def _advance(play: Play, run_id: str, event: Event | None = None) -> Changes:
    return advance(play.load(run_id), [event or Start()], NOW)


def test_many_at_once_never_exceed_the_limit(line: Line) -> None:
    runs = [line.run() for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        woken = list(pool.map(lambda run: line.settle(asks(run, "r", limit=2)), runs))
    assert sum(held for _, held in line.standing("r")) == 2
    assert len(set().union(*woken)) == 2
    for _ in range(12):
        held = [run for run in runs if dict(line.standing("r")).get(run.id)]
        with ThreadPoolExecutor(2) as pool:
            told = set().union(*pool.map(lambda run: line.settle(ends(run)), held))
        runs = [run for run in runs if run not in held]
        assert told <= {run.id for run in runs}
        assert sum(is_held for _, is_held in line.standing("r")) == min(2, len(runs))
    assert line.standing("r") == []
