"""T1 to T11: how tasks become ready, wait, end, and take others with them."""

from itertools import product

import pytest

from dsl.model import Retry, ValueType
from engine.machine.states import AttemptState, Reason, RunState, TaskState
from tests.unit.machine.play import Play, task


def test_roots_are_offered_at_once_and_the_rest_when_their_needs_have_ended() -> None:
    play = Play(task("a"), task("b"), task("c", "a", "b"))
    assert play.offers() == ["a", "b"]
    play.succeed("a")
    assert play.state("c") is TaskState.PENDING
    play.succeed("b")
    assert play.offers() == ["a", "b", "c"]
    play.succeed("c")
    assert play.ended is RunState.SUCCEEDED


def test_a_failure_skips_what_needs_it_and_fails_the_run_with_its_message() -> None:
    play = Play(task("a"), task("b", "a"), task("c", "b"))
    play.fail("a", message="exit 3")
    assert play.states() == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert play.reason("c") is Reason.UPSTREAM_FAILED
    assert play.ended is RunState.FAILED
    assert play.run.message == "task 'a' failed: exit 3"


def test_an_allowed_failure_counts_as_success_for_what_follows() -> None:
    play = Play(task("a", allow_failure=True), task("b", "a"))
    play.fail("a")
    play.succeed("b")
    assert play.state("a") is TaskState.FAILED
    assert play.ended is RunState.SUCCEEDED


def test_an_if_without_a_status_function_stands_behind_success() -> None:
    play = Play(task("a"), task("b", "a", condition="1 == 1"))
    play.fail("a")
    assert play.reason("b") is Reason.UPSTREAM_FAILED


@pytest.mark.parametrize(
    ("first", "second", "function"),
    list(
        product(
            ["succeeded", "failed", "allowed", "skipped"],
            ["succeeded", "failed", "allowed", "skipped"],
            ["success", "failure", "skipped", "always", "cancelled"],
        )
    ),
)
def test_the_truth_table_of_the_status_functions(first: str, second: str, function: str) -> None:
    play = Play(
        task("a", allow_failure=first == "allowed", condition="false" if first == "skipped" else None),
        task("b", allow_failure=second == "allowed", condition="false" if second == "skipped" else None),
        task("j", "a", "b", condition=f"{function}()"),
    )
    for name, how in (("a", first), ("b", second)):
        if how == "succeeded":
            play.succeed(name)
        elif how != "skipped":
            play.fail(name)
    found = {first, second}
    expected = {
        "success": found <= {"succeeded", "allowed"},
        "failure": "failed" in found,
        "skipped": "skipped" in found,
        "always": True,
        "cancelled": False,
    }[function]
    assert (play.state("j") is TaskState.QUEUED) == expected


def test_failure_looks_at_ancestors_too() -> None:
    play = Play(task("a"), task("b", "a"), task("c", "b", condition="failure()"))
    play.fail("a")
    assert play.state("b") is TaskState.SKIPPED
    assert play.state("c") is TaskState.QUEUED


def test_a_retry_waits_for_its_delay_and_a_stale_timer_changes_nothing() -> None:
    play = Play(task("a", retry=Retry(max_attempts=3, delay_seconds=10, backoff="exponential")))
    play.fail("a")
    assert play.state("a") is TaskState.WAITING
    assert (play.signals[-1].due_at - play.now).total_seconds() == 10
    assert play.timer("a", attempt=0).empty
    play.later(10).timer("a")
    assert play.run.tasks["a"].attempt == 2
    assert play.timer("a", attempt=1).empty
    play.fail("a")
    assert (play.signals[-1].due_at - play.now).total_seconds() == 20
    play.later(20).timer("a")
    play.succeed("a")
    assert play.ended is RunState.SUCCEEDED
    assert [row.state for row in play.attempts] == ["failed", "failed", "succeeded"]


def test_a_retry_without_delay_is_queued_at_once_and_attempts_are_bounded() -> None:
    play = Play(task("a", retry=Retry(max_attempts=2)))
    play.fail("a")
    assert play.state("a") is TaskState.QUEUED
    play.fail("a")
    assert play.ended is RunState.FAILED


def test_retry_on_names_the_reasons_that_count() -> None:
    play = Play(task("a", retry=Retry(max_attempts=3, on=("lost",))))
    play.claim("a")
    play.lose("a")
    assert play.state("a") is TaskState.QUEUED
    play.fail("a", Reason.EXIT)
    assert play.state("a") is TaskState.FAILED


def test_jitter_takes_away_up_to_half_and_is_the_same_each_time() -> None:
    retry = Retry(max_attempts=2, delay_seconds=100, jitter=True)
    plays = [Play(task("a", retry=retry)) for _ in range(2)]
    for play in plays:
        play.fail("a")
    delays = {(play.signals[-1].due_at - play.now).total_seconds() for play in plays}
    assert len(delays) == 1
    assert 50 <= delays.pop() <= 100


def test_set_is_worked_out_by_the_engine_and_its_types_are_checked() -> None:
    values = {"value": "${{ 2 + 3 }}"}
    play = Play(
        task("a", kind="set", spec={"values": values}, outputs={"value": ValueType.INTEGER}),
        outputs={"five": "${{ tasks.a.outputs.value }}"},
    )
    assert play.ended is RunState.SUCCEEDED
    assert play.run.outputs == {"five": 5}


def test_set_of_the_wrong_type_fails() -> None:
    play = Play(task("a", kind="set", spec={"values": {"value": "x"}}, outputs={"value": ValueType.INTEGER}))
    assert play.reason("a") is Reason.INVALID_OUTPUT


def test_wait_holds_no_worker_and_ends_by_its_timer() -> None:
    play = Play(task("a", kind="wait", spec={"seconds": 30}), task("b", "a"))
    assert play.offers() == []
    play.later(30).timer("a")
    assert play.offers() == ["b"]


def test_a_wait_until_a_past_moment_ends_at_once() -> None:
    play = Play(task("a", kind="wait", spec={"until": "2020-01-01T00:00:00Z"}))
    assert play.ended is RunState.SUCCEEDED


@pytest.mark.parametrize("until", ["soon", "2030-01-01T00:00:00"])
def test_a_wait_until_no_moment_fails_with_the_place(until: str) -> None:
    play = Play(task("a", kind="wait", spec={"until": until}, line=7))
    assert play.reason("a") is Reason.EXPRESSION
    assert "w.yaml:7" in play.run.tasks["a"].message


def test_an_output_of_the_wrong_type_fails_the_attempt() -> None:
    play = Play(task("a", outputs={"rows": ValueType.INTEGER}))
    play.succeed("a", rows="many")
    assert play.reason("a") is Reason.INVALID_OUTPUT
    assert play.attempts[0].state is AttemptState.FAILED


def test_a_missing_declared_output_fails_the_attempt() -> None:
    play = Play(task("a", outputs={"rows": ValueType.INTEGER}))
    play.succeed("a")
    assert "missing" in play.run.tasks["a"].message


def test_an_absent_output_fails_the_task_that_uses_it() -> None:
    play = Play(
        task("a", outputs={"rows": ValueType.INTEGER}),
        task("b", "a", condition="always() && tasks.a.outputs.rows > 0", line=9),
    )
    play.fail("a")
    assert play.reason("b") is Reason.EXPRESSION
    assert "w.yaml:9" in play.run.tasks["b"].message


def test_an_environment_that_cannot_be_worked_out_fails_the_task_when_it_is_claimed() -> None:
    play = Play(
        task("a", outputs={"rows": ValueType.INTEGER}, allow_failure=True),
        task("b", "a", env={"ROWS": "${{ tasks.a.outputs.rows }}"}),
    )
    play.fail("a")
    play.claim("b")
    assert play.reason("b") is Reason.EXPRESSION
    assert play.ended is RunState.FAILED
