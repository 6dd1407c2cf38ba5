"""R2 to R10: how runs start, wait for their turn, are stopped, and end."""

from dsl.model import Concurrency, Input, ValueType
from engine.machine.changes import Acquire, StopAttempt, Want
from engine.machine.events import Broken, Cancel, Full, Granted, RunTimeout, Start
from engine.machine.execution import Execution
from engine.machine.states import AttemptState, Reason, RunState, TaskState
from tests.unit.machine.play import Play, task


def test_a_run_with_faulty_inputs_fails_when_it_starts_and_says_why() -> None:
    play = Play(task("a"), declared={"n": Input(type=ValueType.INTEGER)}, inputs={"n": "x"})
    assert play.ended is RunState.FAILED
    assert play.run.reason is Reason.INVALID_INPUTS
    assert "n: must be of type integer" in play.run.message
    assert play.states() == {"a": "pending"}


def test_defaults_fill_what_was_not_given_and_may_be_expressions() -> None:
    play = Play(
        task("a"),
        declared={
            "n": Input(type=ValueType.INTEGER, default=7),
            "who": Input(type=ValueType.STRING, default="${{ trigger.kind }}"),
        },
    )
    assert play.run.inputs == {"n": 7, "who": "manual"}


def test_a_limited_run_asks_once_and_starts_when_it_is_granted() -> None:
    play = Play(task("a"), concurrency=Concurrency(limit=2))
    assert play.last is not None
    assert play.last.acquires == [Acquire((Want("concurrency:default/w", 1, 2),))]
    assert play.send(Start()).empty
    play.send(Granted())
    assert play.run.state is RunState.RUNNING
    assert play.send(Granted()).empty
    assert play.grant("a").fenced


def test_a_key_makes_a_limit_of_its_own() -> None:
    play = Play(
        task("a"),
        concurrency=Concurrency(key="${{ inputs.region }}"),
        declared={"region": Input(type=ValueType.STRING, default="eu")},
    )
    assert play.run.concurrency_resource == "concurrency:default/w:eu"


def test_a_run_that_finds_the_limit_reached_is_skipped() -> None:
    play = Play(task("a"), concurrency=Concurrency(limit=1))
    play.send(Full("run x holds it"))
    assert play.ended is RunState.SKIPPED
    assert play.run.message == "run x holds it"


def test_cancel_before_the_start_ends_the_run() -> None:
    play = Play(task("a"), start=False)
    play.send(Cancel(by="ada"))
    assert play.ended is RunState.CANCELLED
    assert play.run.message == "cancelled by ada"


def test_cancel_stops_what_runs_and_cancels_what_has_not_begun() -> None:
    play = Play(task("a"), task("b"), task("c", "a"))
    play.claim("a")
    changes = play.send(Cancel())
    assert play.states() == {"a": "running", "b": "cancelled", "c": "cancelled"}
    assert [type(command) for command in changes.commands] == [StopAttempt]
    assert play.send(Cancel()).empty
    play.end("a", AttemptState.CANCELLED)
    assert play.ended is RunState.CANCELLED


def test_a_task_that_succeeds_although_it_was_stopped_has_succeeded() -> None:
    play = Play(task("a"))
    play.claim("a")
    play.send(Cancel())
    play.succeed("a")
    assert play.state("a") is TaskState.SUCCEEDED
    assert play.ended is RunState.CANCELLED


def test_pending_tasks_that_say_always_still_get_their_turn_on_a_cancel() -> None:
    play = Play(task("a"), task("b", "a"), task("tidy", "a", "b", condition="always()"))
    play.claim("a")
    play.send(Cancel())
    assert play.states() == {"a": "running", "b": "cancelled", "tidy": "pending"}
    play.end("a", AttemptState.CANCELLED)
    assert play.state("tidy") is TaskState.QUEUED
    play.succeed("tidy")
    assert play.ended is RunState.CANCELLED


def test_a_forced_cancel_stops_those_too() -> None:
    play = Play(task("a"), task("tidy", "a", condition="cancelled()"))
    play.claim("a")
    play.send(Cancel())
    play.end("a", AttemptState.CANCELLED)
    play.claim("tidy")
    play.send(Cancel(forced=True))
    assert play.run.tasks["tidy"].stop
    play.end("tidy", AttemptState.CANCELLED)
    assert play.ended is RunState.CANCELLED


def test_the_runs_timeout_stops_it_and_fails_it() -> None:
    play = Play(task("a"), task("b", "a"), timeout_seconds=60.0)
    assert play.signals[0].kind == "run_timeout"
    play.claim("a")
    play.later(60).send(RunTimeout())
    play.end("a", AttemptState.CANCELLED)
    assert play.ended is RunState.FAILED
    assert play.run.reason is Reason.TIMEOUT


def test_a_broken_run_is_ended_with_all_its_tasks() -> None:
    play = Play(task("a"), task("b", "a"))
    play.send(Broken("ValueError: x"))
    assert play.ended is RunState.FAILED
    assert play.run.reason is Reason.INTERNAL_ERROR
    assert play.states() == {"a": "cancelled", "b": "cancelled"}


def test_terminal_is_final() -> None:
    play = Play(task("a"))
    play.succeed("a")
    for event in (Start(), Cancel(), Cancel(forced=True), RunTimeout(), Granted(), Full("x"), Broken("x")):
        assert play.send(event).empty


def test_the_counters_follow_from_the_rows() -> None:
    play = Play(task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c", condition="failure()"))
    play.succeed("a")
    play.fail("b")
    found = Execution.of(play.run, play.graph)
    assert (found.unmet, found.open, found.tainted, found.failed) == (
        play.execution.unmet,
        play.execution.open,
        play.execution.tainted,
        play.execution.failed,
    )


def test_outputs_of_the_run_that_cannot_be_worked_out_fail_it() -> None:
    play = Play(
        task("a", outputs={"n": ValueType.INTEGER}, condition="false"), outputs={"n": "${{ tasks.a.outputs.n }}"}
    )
    assert play.ended is RunState.FAILED
    assert play.run.reason is Reason.INVALID_OUTPUT
