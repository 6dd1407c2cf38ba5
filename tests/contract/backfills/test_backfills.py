"""Backfills: which times they run, in what order, how many at once, and what stops them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from engine.broker.interface import BrokerError
from engine.clock import new_id
from engine.machine.creation import new_run
from engine.services.backfiller import Backfiller
from engine.services.refusals import ConflictError, InvalidInputsError, InvalidRangeError, UnknownError
from engine.services.revision_cache import RevisionCache
from engine.store.invariants import check
from engine.store.runs import create_runs
from engine.store.tables import revisions, runs, signals
from tests.contract.backfills.world import BackfillWorld
from tests.contract.sync.world import START, workflow


def test_a_backfill_runs_every_time_of_its_range_in_order_one_at_a_time(world: BackfillWorld) -> None:
    world.alpha()
    made = world.create(5)
    world.step()
    assert len(world.open(made)) == 1
    world.step()
    assert world.hours(made) == [7], "one at a time"
    world.finish(made)
    assert world.hours(made) == [7, 8, 9, 10, 11]
    row = world.show(made)
    assert (row.state, row.total, row.made, row.skipped) == ("finished", 5, 5, 0)
    assert row.finished_at is not None


def test_its_runs_see_what_a_run_fired_at_that_time_would_have_seen(world: BackfillWorld) -> None:
    given = 'cron: "0 * * * *", jitter: 10m, inputs: {at: "${{ trigger.scheduled_at.getHours() }}"}'
    world.alpha(given, "inputs: {at: {type: integer}}\n")
    made = world.create(1)
    world.step()
    [run] = world.runs("alpha")
    assert run.trigger == {
        "kind": "cron",
        "name": "tick",
        "scheduled_at": "2026-03-01T11:00:00+00:00",
        "fired_at": "2026-03-01T12:00:00+00:00",
    }
    assert (run.trigger_kind, run.trigger_name, run.inputs, run.backfill_id) == ("cron", "tick", {"at": 11}, made)


def test_its_inputs_win_over_those_of_the_trigger(world: BackfillWorld) -> None:
    world.alpha('cron: "0 * * * *", inputs: {a: 1, b: 2}', "inputs: {a: {type: integer}, b: {type: integer}}\n")
    world.create(1, inputs={"b": 7})
    world.step()
    assert world.runs("alpha")[0].inputs == {"a": 1, "b": 7}


def test_in_reverse_the_newest_time_comes_first(world: BackfillWorld) -> None:
    world.alpha()
    made = world.create(4, reverse=True)
    world.finish(made)
    assert world.hours(made) == [11, 10, 9, 8]


def test_no_more_runs_are_on_their_way_than_it_may_have(world: BackfillWorld) -> None:
    world.alpha()
    made = world.create(8, parallel=3)
    world.step()
    assert len(world.open(made)) == 3
    world.end(world.open(made)[:2])
    world.step()
    assert (len(world.open(made)), world.hours(made)) == (3, [4, 5, 6, 7, 8])


def test_it_ends_when_its_runs_have(world: BackfillWorld) -> None:
    world.alpha()
    made = world.create(2, parallel=5)
    world.step()
    assert world.show(made).state == "running"
    world.end(world.open(made), "failed")
    world.step()
    assert world.show(made).state == "finished"


def with_history(world: BackfillWorld) -> None:
    """Five live firings, 8 to 12 o'clock: succeeded, failed, cancelled, skipped, still running; before them nothing."""
    world.clock.now = START - timedelta(hours=5)
    world.alpha('cron: "0 * * * *", catchup: all')
    for hour in range(5):
        world.clock.now = START - timedelta(hours=4 - hour)
        world.fire()
    for run, state in zip(world.runs("alpha"), ["succeeded", "failed", "cancelled", "skipped"], strict=False):
        world.end([run.id], state)
    world.clock.now = START + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("missing", [7, 11]),
        ("failed", [7, 9, 10, 11]),
        ("all", [7, 8, 9, 10, 11]),
    ],
)
def test_the_policy_says_which_times_are_run_again(world: BackfillWorld, only: str, expected: list[int]) -> None:
    with_history(world)
    until = START + timedelta(minutes=1)
    plan = world.plan(6, until=until, only=only)
    assert [hour for hour, why in plan if why.startswith("+")] == expected
    assert plan[-1] == (12, "-on_its_way")
    made = world.create(6, until=until, only=only)
    world.finish(made)
    assert world.hours(made) == expected
    decided = world.times(made)
    assert [hour for hour, outcome, _ in decided if outcome == "run"] == expected
    assert len(decided) == 6
    assert "is queued" in decided[-1][2]


def test_what_is_skipped_says_why(world: BackfillWorld) -> None:
    with_history(world)
    made = world.create(6, until=START + timedelta(minutes=1))
    world.finish(made)
    run = world.runs("alpha")[0].id
    assert world.times(made)[1] == (8, "skipped", f"it has succeeded: run {run} succeeded")
    assert world.show(made).skipped == 4


def test_a_retry_counts_for_the_time_of_the_run_that_it_retries(world: BackfillWorld) -> None:
    with_history(world)
    failed = world.runs("alpha")[1]
    revision = RevisionCache(world.database).get(failed.revision_id)
    first, second = (
        new_run(
            run_id=world.ids(),
            graph=revision.graph,
            workflow_id=failed.workflow_id,
            revision_id=failed.revision_id,
            revision=1,
            trigger={"kind": "manual"},
            inputs={},
            now=START,
        )
        for _ in range(2)
    )
    first.retry_of, second.retry_of = failed.id, first.id
    with world.database.write() as connection:
        create_runs(connection, [first, second])
    world.end([first.id], "failed")
    assert (9, "-on_its_way") in world.plan(6, only="failed")
    world.end([second.id])
    assert (9, "-succeeded") in world.plan(6, only="failed")


def test_a_second_backfill_sees_the_runs_of_the_first(world: BackfillWorld) -> None:
    world.alpha()
    world.finish(world.create(3))
    assert {why for _, why in world.plan(3)} == {"-succeeded"}
    second = world.create(4, only="failed")
    world.finish(second, "failed")
    assert world.hours(second) == [8]
    third = world.create(4, only="failed")
    world.finish(third)
    assert world.hours(third) == [8]


def test_a_plan_makes_nothing(world: BackfillWorld) -> None:
    world.alpha()
    assert world.plan(2, reverse=True) == [(11, "+missing"), (10, "+missing")]
    world.step()
    assert world.runs("alpha") == []


def test_a_time_that_the_schedule_is_about_to_fire_is_waited_for(world: BackfillWorld) -> None:
    world.alpha('cron: "0 * * * *", jitter: 50m')
    world.clock.forward(hours=1, seconds=1)
    until = START + timedelta(hours=1, seconds=1)
    assert world.plan(2, until=until) == [(12, "+missing"), (13, "-upcoming")]
    made = world.create(2, until=until)
    world.step()
    world.end(world.open(made))
    world.step()
    assert (world.hours(made), world.show(made).state) == ([12], "running")
    world.clock.forward(hours=1)
    world.fire()
    world.step()
    assert world.hours(made) == [12]
    assert world.show(made).state == "finished"
    assert len(world.runs("alpha")) == 2


def test_a_live_firing_of_the_same_time_is_not_kept_from_the_ledger(world: BackfillWorld) -> None:
    world.alpha()
    made = world.create(1)
    world.step()
    world.clock.forward(hours=1)
    world.fire()
    assert [outcome for _, outcome in world.ledger("alpha")] == ["run", "run"]
    world.end(world.open(made))
    with world.database.read() as connection:
        assert check(connection, world.clock()) == []


def test_conditions_and_inputs_that_fail_are_as_they_are_live(world: BackfillWorld) -> None:
    world.alpha('cron: "0 * * * *", if: "trigger.scheduled_at.getHours() % 2 == 0"')
    made = world.create(4)
    world.finish(made)
    assert [(hour, outcome) for hour, outcome, _ in world.times(made)] == [
        (8, "run"),
        (9, "skipped"),
        (10, "run"),
        (11, "skipped"),
    ]
    world.sync(
        b=workflow(
            "beta", 'cron: "0 * * * *", inputs: {day: "${{ trigger.name }}"}', extra="inputs: {day: {type: date}}\n"
        )
    )
    world.backfills.create("default", "beta", world.wanted(1), by="me")
    world.step()
    [run] = world.runs("beta")
    assert "day" in run.fault


def test_the_revision_is_that_of_its_beginning(world: BackfillWorld) -> None:
    world.alpha()
    made = world.create(2)
    world.step()
    old = world.workflow("alpha").active_revision_id
    world.sync(a=workflow("alpha", 'cron: "30 * * * *"', script="echo new"))
    world.finish(made)
    assert {run.revision_id for run in world.runs("alpha")} == {old}
    assert world.hours(made) == [10, 11]


def test_pause_and_resume(world: BackfillWorld) -> None:
    world.alpha()
    made = world.create(3)
    world.step()
    assert world.backfills.pause(made).row.state == "paused"
    assert world.backfills.pause(made).row.state == "paused"
    world.end(world.open(made))
    world.step()
    assert (world.hours(made), world.show(made).state) == ([9], "paused")
    assert world.backfills.resume(made).row.state == "running"
    world.finish(made)
    assert world.hours(made) == [9, 10, 11]
    for action in (world.backfills.pause, world.backfills.resume):
        with pytest.raises(ConflictError, match="it finished"):
            action(made)


@pytest.mark.parametrize("with_runs", [False, True])
def test_cancel_leaves_what_runs_unless_told_otherwise(world: BackfillWorld, with_runs: bool) -> None:
    world.alpha()
    made = world.create(5, parallel=2)
    world.step()
    running, queued = world.open(made)
    with world.database.write() as connection:
        connection.execute(update(runs).where(runs.c.id == running).values(state="running"))
    world.backfills.cancel(made, with_runs=with_runs, by="me")
    with world.database.read() as connection:
        told = set(connection.execute(select(signals.c.run_id).where(signals.c.kind == "cancel")).scalars())
    assert told == ({running, queued} if with_runs else {queued})
    world.end([running, queued])
    world.step()
    assert (len(world.made(made)), world.show(made).state) == (2, "cancelled")
    with pytest.raises(ConflictError, match="it was cancelled"):
        world.backfills.cancel(made, with_runs=False, by="me")


def test_a_paused_workflow_is_backfilled_and_a_removed_one_is_not(world: BackfillWorld) -> None:
    world.alpha()
    world.pause("alpha")
    made = world.create(2)
    world.step()
    assert world.hours(made) == [10]
    world.source.files["b.yaml"] = workflow("beta")
    del world.source.files["a.yaml"]
    world.sync()
    world.step()
    row = world.show(made)
    assert (row.state, row.message) == ("cancelled", "the workflow was removed from its source")
    with pytest.raises(ConflictError, match="removed"):
        world.create(1)


def test_a_revision_that_cannot_be_read_pauses_its_own_backfill_and_no_others(world: BackfillWorld) -> None:
    world.alpha()
    world.sync(b=workflow("beta", 'cron: "0 * * * *"'))
    made = world.create(2)
    other = world.backfills.create("default", "beta", world.wanted(2), by="me").row.id
    unreadable = update(revisions).where(revisions.c.id == world.workflow("alpha").active_revision_id)
    with world.database.write() as connection:
        connection.execute(unreadable.values(compiled=b"?"))
    world.step()
    row = world.show(made)
    assert row.state == "paused"
    assert "could not be worked out" in row.message
    assert len(world.open(other)) == 1


def test_a_broker_that_is_away_pauses_nothing(world: BackfillWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.alpha()
    made = world.create(2)
    with monkeypatch.context() as away:
        away.setattr(world.broker, "publish", _away)
        with pytest.raises(BrokerError):
            world.loop.carry_on()
    world.finish(made)
    assert world.hours(made) == [10, 11]


def _away(*_: object) -> None:
    raise BrokerError("the broker is away")


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"hours": 0}, InvalidRangeError, "is empty"),
        ({"until": START + timedelta(seconds=1)}, InvalidRangeError, "now is 2026-03-01T12:00:00Z"),
        ({"hours": 0.5}, InvalidRangeError, "has no times from 2026-03-01T11:30:00Z"),
        ({"hours": 10_001}, InvalidRangeError, r"more than 10000 times.*\n  hint: .* end before 2026-03-01T11:00:00Z"),
        ({"trigger": "tock"}, UnknownError, "has no trigger 'tock'\n  hint: did you mean 'tick'"),
        ({"inputs": {"x": 1}}, InvalidInputsError, "do not fit"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(world: BackfillWorld, given: dict, error: type, says: str) -> None:
    world.alpha()
    with pytest.raises(error, match=says):
        world.create(**given)
    with pytest.raises(error, match=says):
        world.plan(**given)


def test_a_trigger_must_be_meant_and_have_times(world: BackfillWorld) -> None:
    world.sync(a="name: alpha\ntriggers: {a: {every: 1h}, b: {every: 2h}}\ntasks: {only: {run: echo}}\n")
    with pytest.raises(ConflictError, match="several schedules: a, b\n  hint: say which with"):
        world.create(3)
    assert len(world.plan(4, trigger="b")) == 2
    world.sync(
        a="name: alpha\ntriggers: {a: {workflow: {name: beta}}}\ntasks: {only: {run: echo}}\n", b=workflow("beta")
    )
    with pytest.raises(ConflictError, match="has no schedule"):
        world.create(3)
    with pytest.raises(ConflictError, match="has no times"):
        world.create(3, trigger="a")
    with pytest.raises(UnknownError, match="no workflow default/gamma"):
        world.backfills.plan("default", "gamma", world.wanted(1))


def test_two_over_the_same_times_do_not_go_on_at_once(world: BackfillWorld) -> None:
    world.alpha()
    first = world.create(3)
    with pytest.raises(ConflictError, match=f"backfill {first} goes on"):
        world.create(10)
    world.backfills.pause(first)
    with pytest.raises(ConflictError, match="goes on"):
        world.create(1)
    beside = world.create(3, until=START - timedelta(hours=3))
    world.backfills.cancel(first, with_runs=False, by="me")
    assert world.create(3) not in {first, beside}


def test_loops_at_once_decide_each_time_once(world: BackfillWorld) -> None:
    world.alpha('cron: "* * * * *"')
    made = world.create(2, parallel=7)
    loops, done = [world.new_loop() for _ in range(3)], threading.Event()

    def run(loop: Backfiller) -> int:
        worst = 0
        while not done.is_set():
            loop.carry_on()
            found = world.open(made)
            worst = max(worst, len(found))
            world.end(found[:3])
            if world.show(made).state == "finished":
                done.set()
        return worst

    with ThreadPoolExecutor(len(loops)) as pool:
        worst = list(pool.map(run, loops))
    assert max(worst) <= 7
    times = [time for time, _ in world.made(made)]
    assert times == [START - timedelta(minutes=minute) for minute in range(120, 0, -1)]
    row = world.show(made)
    assert (row.made, row.skipped) == (120, 0)


def test_many_times_that_are_done_are_passed_in_bounded_bites(world: BackfillWorld) -> None:
    world.alpha('cron: "* * * * *"')
    world.finish(world.create(1, until=START - timedelta(hours=5), parallel=100), turns=5)
    made = world.create(10, parallel=10)
    world.finish(made)
    row = world.show(made)
    assert (row.state, row.total, row.made, row.skipped) == ("finished", 600, 540, 60)
    assert len(world.runs("alpha")) == 600


def test_the_night_the_clocks_change_is_as_it_is_live(world: BackfillWorld) -> None:
    world.clock.now = datetime(2026, 4, 1, tzinfo=UTC)
    world.alpha('cron: "30 2 * * *", timezone: Europe/Berlin')
    made = world.create(72, until=datetime(2026, 3, 31, tzinfo=UTC))
    world.finish(made)
    assert [f"{time:%d %H:%M}" for time, _ in world.made(made)] == ["28 01:30", "29 01:00", "30 00:30"]


def test_a_fixed_rate_is_filled_from_before_the_workflow_was_there(world: BackfillWorld) -> None:
    world.clock.now = START + timedelta(minutes=10)
    world.alpha("every: 1h")
    made = world.create(2)
    world.finish(made)
    assert [f"{time:%H:%M}" for time, _ in world.made(made)] == ["10:10", "11:10"]


def test_an_unknown_backfill_is_said_to_be(world: BackfillWorld) -> None:
    for action in (world.backfills.pause, world.backfills.resume):
        with pytest.raises(UnknownError, match="there is no backfill"):
            action(new_id())
