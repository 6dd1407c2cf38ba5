"""R8, R9: the outcome is fixed when the main tasks end; then hooks run, then `finally`."""

import pytest

from dsl.model import Task
from engine.machine.events import Cancel, HooksTimeout, RunTimeout
from engine.machine.states import Phase, Reason, RunState, TaskState
from tests.unit.machine.play import Play, task


def hooked(*main: Task, **fields: object) -> Play:
    stages = {
        "on_failure": {"alarm": task("alarm")},
        "on_success": {"praise": task("praise")},
        "finally_": {"tidy": task("tidy", env={"S": "${{ run.state }}", "F": "${{ run.failed_tasks }}"})},
    }
    return Play(*(main or (task("a"),)), **{**stages, **fields})


def test_a_success_runs_on_success_then_finally() -> None:
    play = hooked()
    play.succeed("a")
    assert (play.run.phase, play.run.outcome, play.ended) == (Phase.HOOK, RunState.SUCCEEDED, None)
    assert play.offers() == ["a", "praise"]
    play.reload().succeed("praise")
    assert play.run.phase is Phase.FINALLY
    assert play.grant("tidy").env["S"] == "succeeded"
    play.reload().succeed("tidy")
    assert play.ended is RunState.SUCCEEDED


def test_a_failure_runs_on_failure_and_is_told_who_failed() -> None:
    play = hooked()
    play.fail("a", message="exit 3")
    play.succeed("alarm")
    grant = play.reload().grant("tidy")
    assert (grant.env["S"], grant.env["F"]) == ("failed", '["a"]')
    play.succeed("tidy")
    assert (play.ended, play.run.reason) == (RunState.FAILED, Reason.TASK_FAILED)
    assert play.run.message == "task 'a' failed: exit 3"
    assert play.state("praise") is TaskState.PENDING


def test_a_cancelled_run_still_runs_finally_and_no_hook() -> None:
    play = hooked()
    play.claim("a")
    play.send(Cancel(by="ada"))
    play.fail("a")
    assert play.run.phase is Phase.FINALLY
    assert play.grant("tidy").env["S"] == "cancelled"
    play.succeed("tidy")
    assert (play.ended, play.run.reason) == (RunState.CANCELLED, Reason.CANCELLED_BY_USER)
    assert play.run.message == "cancelled by ada"


def test_a_forced_cancel_leaves_hooks_out() -> None:
    play = hooked()
    play.claim("a")
    play.send(Cancel(forced=True))
    play.fail("a")
    assert play.ended is RunState.CANCELLED
    assert play.offers() == ["a"]


def test_a_plain_cancel_spares_hooks_and_a_forced_one_stops_them() -> None:
    play = hooked()
    play.fail("a")
    play.claim("alarm")
    assert play.send(Cancel()).empty
    play.send(Cancel(forced=True))
    assert play.task_run("alarm").stop
    play.fail("alarm")
    assert (play.ended, play.run.reason) == (RunState.FAILED, Reason.TASK_FAILED)
    assert play.state("tidy") is TaskState.PENDING


@pytest.mark.parametrize("stage", ["praise", "tidy"])
def test_a_failing_hook_turns_success_into_failure(stage: str) -> None:
    play = hooked()
    play.succeed("a")
    for name in ("praise", "tidy"):
        play.fail(name, message="no") if name == stage else play.succeed(name)
    assert (play.ended, play.run.reason) == (RunState.FAILED, Reason.HOOK_FAILED)
    assert f"task '{stage}' of " in play.run.message


def test_a_failing_hook_changes_nothing_of_a_failure() -> None:
    play = hooked()
    play.fail("a", message="exit 3")
    play.fail("alarm")
    play.succeed("tidy")
    assert play.run.message == "task 'a' failed: exit 3"


def test_the_runs_timeout_is_for_the_main_tasks() -> None:
    play = hooked(timeout_seconds=5.0)
    play.succeed("a")
    assert play.send(RunTimeout()).empty
    play.succeed("praise")
    play.succeed("tidy")
    assert play.ended is RunState.SUCCEEDED


def test_hooks_have_a_time_of_their_own() -> None:
    play = hooked()
    play.succeed("a")
    assert [(signal.kind, (signal.due_at - play.now).total_seconds()) for signal in play.signals] == [
        ("hooks_timeout", 600)
    ]
    play.claim("praise")
    assert play.send(HooksTimeout("finally")).empty
    play.send(HooksTimeout("hook"))
    play.fail("praise")
    assert play.run.phase is Phase.FINALLY
    play.succeed("tidy")
    assert play.run.reason is Reason.HOOK_FAILED


def test_outputs_are_those_of_the_main_tasks_after_a_reload_too() -> None:
    main = task("a", kind="set", spec={"values": {"n": 7}})
    play = hooked(main, outputs={"n": "${{ tasks.a.outputs.n }}"})
    play.reload().succeed("praise")
    play.run.outputs = None  # as after a load: they are written with the end
    play.reload().succeed("tidy")
    assert play.run.outputs == {"n": 7}


def test_outputs_that_cannot_be_worked_out_are_a_failure_that_hooks_see() -> None:
    main = task("a", kind="set", spec={"values": {"n": [1]}})
    play = hooked(main, outputs={"n": "${{ tasks.a.outputs.n[5] }}"})
    assert (play.run.outcome, play.run.reason) == (RunState.FAILED, Reason.INVALID_OUTPUT)
    assert play.offers() == ["alarm"]


def test_a_hook_sees_the_outputs_of_main_tasks_and_waits_for_its_own_needs() -> None:
    main = task("a", kind="set", spec={"values": {"n": 7}})
    hooks = {
        "one": task("one", env={"N": "${{ tasks.a.outputs.n }}"}),
        "two": task("two", "one", condition="tasks.one.state == 'succeeded'"),
    }
    play = hooked(main, on_success=hooks)
    assert play.offers() == ["one"]
    assert play.grant("one").env["N"] == "7"
    play.end("one")
    assert play.offers() == ["one", "two"]


def test_hooks_that_the_engine_carries_out_end_the_run_in_one_go() -> None:
    note = {"note": task("note", kind="set", spec={"values": {"s": "${{ run.state }}"}})}
    play = hooked(task("a", kind="set", spec={"values": {"n": 1}}), on_success=note, finally_={})
    assert play.ended is RunState.SUCCEEDED
