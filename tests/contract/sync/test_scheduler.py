"""When triggers fire, and what becomes of every nominal time."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from engine.services.scheduler import BATCH_TRIGGERS_MAX
from engine.services.wakes import queue_of
from engine.store.tables import revisions, triggers
from engine.store.triggers import due, record
from engine.telemetry.instruments import FIRINGS, LATENESS
from tests.contract.sync.world import START, World, seconds, workflow
from tests.recorded import Recorded


def test_a_trigger_fires_when_it_is_due_and_not_before(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    world.clock.forward(seconds=9.999)
    world.fire()
    assert world.ledger("alpha") == []
    world.clock.forward(seconds=0.001)
    world.fire()
    world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "run")]
    assert world.trigger("alpha").next_fire_time == START + timedelta(seconds=20)


def test_a_run_knows_what_fired_it(world: World) -> None:
    text = workflow("alpha", 'every: 10s, inputs: {at: "${{ trigger.scheduled_at.getSeconds() }}"}')
    world.sync(a=text + "inputs: {at: {type: integer}}\n")
    world.clock.forward(seconds=12)
    world.fire()
    [run] = world.runs("alpha")
    assert run.trigger == {
        "kind": "every",
        "name": "tick",
        "scheduled_at": "2026-03-01T12:00:10+00:00",
        "fired_at": "2026-03-01T12:00:12+00:00",
    }
    assert (run.state, run.trigger_kind, run.trigger_name, run.inputs) == ("queued", "every", "tick", {"at": 10})
    assert run.revision_id == world.workflow("alpha").active_revision_id
    assert world.broker.depth(queue_of(run.id)) == 1


def test_over_an_hour_nothing_is_missed_and_nothing_doubled(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 7s"), b=workflow("beta", 'cron: "* * * * *"'))
    other = world.new_scheduler()
    for _ in range(1200):
        world.clock.forward(seconds=3)
        other.fire()
        world.scheduler.fire()
    assert seconds(world.ledger("alpha")) == [(n * 7, "run") for n in range(1, 3600 // 7 + 1)]
    assert seconds(world.ledger("beta")) == [(n * 60, "run") for n in range(1, 61)]
    assert len(world.runs("alpha")) == 3600 // 7


def test_a_revision_that_cannot_be_read_puts_its_own_triggers_at_rest_and_no_others(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"), b=workflow("beta", "every: 10s"))
    unreadable = update(revisions).where(revisions.c.id == world.workflow("alpha").active_revision_id)
    with world.database.write() as connection:
        connection.execute(unreadable.values(compiled=b"?"))
    world.clock.forward(seconds=20)
    world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "failed")]
    assert "cannot be run by this program" in world.messages("alpha")[0]
    assert world.trigger("alpha").next_at is None
    assert [outcome for _, outcome in world.ledger("beta")][-1] == "run"


def test_what_another_scheduler_fired_meanwhile_is_left_alone(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    now = world.clock.forward(seconds=10)
    other = world.new_scheduler()
    with world.database.read() as connection:
        prepared = other._firings.prepare(due(connection, now, 10), now)
    world.fire()
    with world.database.write() as connection:
        recorded = record(connection, prepared, now)
    assert (recorded.runs, recorded.fired) == ([], ())
    assert len(world.runs("alpha")) == 1


def test_a_scheduler_killed_before_its_commit_has_done_nothing(world: World) -> None:
    class Killed(BaseException):
        pass

    world.sync(a=workflow("alpha", "every: 10s"))
    now = world.clock.forward(seconds=10)

    def die() -> None:
        with world.database.write() as connection:
            assert record(connection, world.scheduler._firings.prepare(due(connection, now, 10), now), now).runs
            raise Killed

    with pytest.raises(Killed):
        die()
    assert world.ledger("alpha") == []
    world.restart()
    world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "run")]
    assert len(world.runs("alpha")) == 1


def test_a_nominal_time_that_is_in_the_ledger_makes_no_second_run(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    world.clock.forward(seconds=10)
    world.fire()
    again = {"next_fire_time": START + timedelta(seconds=10), "next_at": START + timedelta(seconds=10)}
    with world.database.write() as connection:
        connection.execute(update(triggers).values(again))
    world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "run")]
    assert len(world.runs("alpha")) == 1
    assert world.trigger("alpha").next_fire_time == START + timedelta(seconds=20)


def test_schedulers_at_once_fire_each_time_once(world: World) -> None:
    names = [f"w{n}" for n in range(150)]
    world.sync(**{name: workflow(name, "every: 10s") for name in names})
    schedulers = [world.new_scheduler() for _ in range(3)]
    rounds = 4
    barrier = threading.Barrier(len(schedulers))
    failures: list[BaseException] = []

    def run(scheduler) -> None:
        try:
            for _ in range(rounds):
                if barrier.wait(30) == 0:
                    world.clock.forward(seconds=10)
                barrier.wait(30)
                while scheduler.fire():
                    pass
        except BaseException as error:  # shown by the test below; a thread's own end is silent
            failures.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, args=(scheduler,)) for scheduler in schedulers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    expected = [(10.0 * n, "run") for n in range(1, rounds + 1)]
    assert all(seconds(world.ledger(name)) == expected for name in names)
    assert all(len(world.runs(name)) == rounds for name in names)


@pytest.mark.parametrize(
    ("catchup", "expected"),
    [
        ("none", [(600.0 * n, "skipped") for n in range(1, 7)]),
        ("latest", [*((600.0 * n, "skipped") for n in range(1, 6)), (3600.0, "caught_up")]),
        ("all", [(600.0 * n, "caught_up") for n in range(1, 7)]),
    ],
)
def test_after_an_outage_catchup_decides(world: World, catchup: str, expected: list[tuple[float, str]]) -> None:
    world.sync(a=workflow("alpha", f"every: 10m, catchup: {catchup}"))
    world.clock.forward(minutes=65)
    world.restart()
    world.fire()
    assert seconds(world.ledger("alpha")) == expected
    assert len(world.runs("alpha")) == sum(outcome == "caught_up" for _, outcome in expected)
    assert world.trigger("alpha").next_fire_time == START + timedelta(minutes=70)


@pytest.mark.parametrize("catchup", ["none", "latest", "all"])
def test_a_restart_within_seconds_misses_nothing(world: World, catchup: str) -> None:
    world.sync(a=workflow("alpha", f'cron: "* * * * *", catchup: {catchup}'))
    world.clock.forward(seconds=75)
    world.restart()
    world.fire()
    assert seconds(world.ledger("alpha")) == [(60, "run")]


def test_a_long_outage_is_caught_up_within_bounds_and_says_what_was_dropped(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 1s, catchup: all"))
    world.clock.forward(days=2)
    world.fire()
    ledger = seconds(world.ledger("alpha"))
    assert len(world.runs("alpha")) == 100
    assert len(ledger) <= 201
    assert ledger[0] == (1.0, "dropped")
    assert "missed" in world.messages("alpha")[0]
    assert ledger[-1][0] == 2 * 86400
    assert world.trigger("alpha").next_fire_time == world.clock.now + timedelta(seconds=1)


def test_a_paused_workflow_does_not_fire_and_paused_time_is_not_missed(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10m, catchup: all"))
    world.pause("alpha")
    world.clock.forward(minutes=35)
    world.fire()
    assert world.ledger("alpha") == []
    world.resume("alpha")
    world.fire()
    assert world.ledger("alpha") == []
    world.clock.forward(minutes=5)
    world.fire()
    assert seconds(world.ledger("alpha")) == [(2400, "run")]


def test_a_time_that_has_come_when_the_pause_does_is_noted(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    world.clock.forward(seconds=10)
    world.pause("alpha")
    world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "skipped")]
    assert world.messages("alpha") == ["the workflow was paused"]
    assert world.runs("alpha") == []


def test_a_new_revision_of_a_paused_workflow_does_not_wake_it(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    world.pause("alpha")
    world.sync(a=workflow("alpha", "every: 20s"))
    assert world.trigger("alpha").next_at is None
    world.resume("alpha")
    assert world.trigger("alpha").next_fire_time == START + timedelta(seconds=20)


def test_pausing_and_resuming_twice_changes_nothing(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    world.pause("alpha")
    first = world.workflow("alpha")
    world.clock.forward(seconds=1)
    world.pause("alpha")
    assert world.workflow("alpha") == first
    world.resume("alpha")
    resumed = world.workflow("alpha")
    world.clock.forward(seconds=1)
    world.resume("alpha")
    assert world.workflow("alpha") == resumed


def test_an_archived_workflow_does_not_fire(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"), b=workflow("beta"))
    del world.source.files["a.yaml"]
    world.sync()
    world.clock.forward(minutes=1)
    world.fire()
    assert world.ledger("alpha") == []


def test_a_changed_schedule_settles_what_is_due_under_the_old_one_then_counts_from_now(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    old = world.workflow("alpha").active_revision_id
    world.clock.forward(seconds=11)
    outcome = world.sync(a=workflow("alpha", "every: 60s"))
    assert seconds(world.ledger("alpha")) == [(10, "run")]
    assert [run.revision_id for run in world.runs("alpha")] == [old]
    assert [run.id for run in outcome.applied.runs] == [world.runs("alpha")[0].id]
    assert world.trigger("alpha").next_fire_time == START + timedelta(seconds=60)


def test_a_trigger_that_goes_settles_what_is_due_and_its_row_goes(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    world.clock.forward(seconds=11)
    world.sync(a=workflow("alpha"))
    assert seconds(world.ledger("alpha")) == [(10, "run")]
    assert world.trigger("alpha") is None


def test_a_time_held_back_by_jitter_is_settled_too(world: World) -> None:
    world.sync(a=workflow("alpha", 'cron: "* * * * *", jitter: 50s'))
    next_at = world.trigger("alpha").next_at
    assert START + timedelta(seconds=60) < next_at < START + timedelta(seconds=110)
    world.clock.now = next_at - timedelta(microseconds=1)
    world.sync(a=workflow("alpha", 'cron: "0 * * * *"'))
    assert seconds(world.ledger("alpha")) == [(60, "run")]


def test_what_a_firing_does_may_change_without_moving_it(world: World) -> None:
    world.sync(a=workflow("alpha", 'cron: "* * * * *", jitter: 50s'))
    before = world.trigger("alpha")
    world.clock.forward(seconds=60)
    world.sync(a=workflow("alpha", 'cron: "* * * * *", jitter: 50s, if: "true || trigger.name == \'\'"'))
    after = world.trigger("alpha")
    assert (after.next_at, after.next_fire_time) == (before.next_at, before.next_fire_time)
    assert after.spec["condition"]
    world.clock.forward(seconds=50)
    world.fire()
    assert seconds(world.ledger("alpha"))[0] == (60, "run")
    assert world.runs("alpha")[0].revision_id == world.workflow("alpha").active_revision_id


def test_every_keeps_its_phase_across_revisions_and_restarts(world: World) -> None:
    world.clock.now = anchor = START + timedelta(seconds=3)
    world.sync(a=workflow("alpha", "every: 10s"))
    world.clock.now = START + timedelta(seconds=18)
    world.fire()
    world.sync(a=workflow("alpha", "every: 10s", script="echo new"))
    assert world.trigger("alpha").next_fire_time == anchor + timedelta(seconds=20)
    world.restart()
    world.clock.now = START + timedelta(seconds=24)
    world.fire()
    world.sync(a=workflow("alpha", "every: 15s", script="echo new"))
    row = world.trigger("alpha")
    assert (row.anchor_at, row.next_fire_time) == (anchor, anchor + timedelta(seconds=30))


def test_a_trigger_of_another_kind_is_anchored_anew(world: World) -> None:
    world.sync(a=workflow("alpha", 'cron: "* * * * *"'))
    world.clock.forward(seconds=7)
    world.sync(a=workflow("alpha", "every: 10s"))
    assert world.trigger("alpha").anchor_at == world.clock.now


def test_a_schedule_that_ends_is_never_due_again(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s, ends_at: 2026-03-01T12:00:25Z"))
    for _ in range(5):
        world.clock.forward(seconds=10)
        world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "run"), (20, "run")]
    assert world.trigger("alpha").next_at is None


def test_the_night_the_clocks_change(world: World) -> None:
    world.clock.now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    cron = 'cron: "30 2 * * *", timezone: Europe/Berlin'
    world.sync(
        a=workflow("shift", cron),
        b=workflow("skip", f"{cron}, dst: {{gap: skip}}"),
        c=workflow("first", 'cron: "30 2 25 10 *", timezone: Europe/Berlin'),
        d=workflow("both", 'cron: "30 2 25 10 *", timezone: Europe/Berlin, dst: {overlap: both}'),
    )
    for _ in range(36):
        world.clock.forward(minutes=60)
        world.fire()
    assert [time for time, _ in world.ledger("shift")] == [datetime(2026, 3, 29, 1, 0, tzinfo=UTC)]
    assert world.ledger("skip") == []
    world.clock.now = datetime(2026, 10, 25, 0, 30, 1, tzinfo=UTC)
    world.fire()
    world.clock.forward(hours=1)
    world.fire()
    assert world.ledger("first") == [(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "run")]
    assert [time.hour for time, _ in world.ledger("both")] == [0, 1]


def test_inputs_that_do_not_fit_make_a_run_that_says_so(world: World) -> None:
    text = workflow("alpha", 'every: 10s, inputs: {day: "${{ trigger.name }}"}', extra="inputs: {day: {type: date}}\n")
    world.sync(a=text)
    world.clock.forward(seconds=10)
    world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "failed")]
    [run] = world.runs("alpha")
    assert "day" in run.fault
    assert world.messages("alpha") == [run.fault]


def test_a_condition_that_is_false_makes_no_run(world: World) -> None:
    world.sync(a=workflow("alpha", 'every: 10s, if: "trigger.scheduled_at.getSeconds() % 20 == 0"'))
    for _ in range(2):
        world.clock.forward(seconds=10)
        world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "skipped"), (20, "run")]


def test_a_condition_that_fails_makes_a_run_that_says_so(world: World) -> None:
    world.sync(a=workflow("alpha", 'every: 10s, if: "1 / (trigger.scheduled_at.getSeconds() - 10) == 0"'))
    world.clock.forward(seconds=10)
    world.fire()
    assert seconds(world.ledger("alpha")) == [(10, "failed")]
    assert world.runs("alpha")[0].fault.startswith("triggers.tick.if: ")


def test_more_than_a_batch_is_fired_in_several(world: World) -> None:
    names = [f"w{n}" for n in range(BATCH_TRIGGERS_MAX * 2 + 1)]
    world.sync(**{name: workflow(name, "every: 10s") for name in names})
    world.clock.forward(seconds=10)
    assert world.scheduler.fire() == BATCH_TRIGGERS_MAX
    world.fire()
    assert all(len(world.ledger(name)) == 1 for name in names)


def test_a_trigger_that_cannot_be_worked_out_does_not_hold_up_the_others(world: World) -> None:
    world.sync(a=workflow("alpha", 'cron: "* * * * *"'), b=workflow("beta", 'cron: "* * * * *"'))
    spec = {"kind": "cron", "expressions": ["* * * * *"], "timezone": "Nowhere/Atall"}
    with world.database.write() as connection:
        broken = update(triggers).where(triggers.c.workflow_id == world.workflow("alpha").id)
        connection.execute(broken.values(spec=spec))
    world.clock.forward(seconds=60)
    world.fire()
    assert seconds(world.ledger("beta")) == [(60, "run")]
    assert seconds(world.ledger("alpha")) == [(60, "failed")]
    assert "Nowhere/Atall" in world.messages("alpha")[0]
    assert world.trigger("alpha").next_at is None


def test_lateness_is_counted(world: World) -> None:
    late, fired = Recorded(LATENESS), Recorded(FIRINGS)
    world.sync(a=workflow("alpha", "every: 10s"))
    world.clock.forward(seconds=10.2)
    world.fire()
    world.clock.forward(seconds=9.8)
    world.fire()
    assert (late.number(), round(late.total(), 6)) == (2, 0.2)
    assert fired.since() == {("run",): (0, 2)}


def test_a_trigger_is_fired_on_the_revision_it_was_read_with(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"))
    now = world.clock.forward(seconds=10)
    with world.database.read() as connection:
        prepared = world.scheduler._firings.prepare(due(connection, now, 10), now)
    world.sync(a=workflow("alpha", "every: 10s", script="echo new"))
    with world.database.write() as connection:
        assert record(connection, prepared, now).runs == []
    world.fire()
    [run] = world.runs("alpha")
    assert run.revision_id == world.workflow("alpha").active_revision_id
    with world.database.read() as connection:
        assert connection.execute(revisions.select().where(revisions.c.id == run.revision_id)).one().number == 2
