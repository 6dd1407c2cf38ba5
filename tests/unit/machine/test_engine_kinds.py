"""What the engine carries out itself: child runs, approvals, sensors, caches, locks and slots."""

from datetime import timedelta
from uuid import UUID

import pytest

from dsl.model import Cache, FanOut, Repeat, Retry, ValueType
from engine.machine.changes import Acquire, CacheLookup, Want
from engine.machine.children import derived_id
from engine.machine.events import (
    CacheAnswer,
    Cancel,
    ChildEnded,
    ChildStarted,
    Decided,
    Granted,
    Refused,
    Start,
)
from engine.machine.states import AttemptState, Reason, RunState, TaskState
from tests.unit.machine.play import BEGIN, Play, task


def child(**fields: object) -> Play:
    spec = {"name": "default/kid", "inputs": {"n": "${{ 1 + 1 }}"}, "wait": True, **fields.pop("spec", {})}  # type: ignore[dict-item]
    return Play(task("c", kind="workflow", spec=spec, **fields), task("z", "c"))


def ended(play: Play, state: RunState = RunState.SUCCEEDED, attempt: int = 1, **fields: object) -> None:
    run = play.task_run("c")
    play.send(ChildEnded(run.id, attempt, state, run_id=run.child_run or "", **fields))  # type: ignore[arg-type]


def test_a_child_is_asked_for_with_its_inputs_and_gives_its_outputs() -> None:
    play = child(outputs={"y": ValueType.INTEGER})
    assert play.last is not None
    (born,) = play.last.children
    assert (born.namespace, born.name, born.inputs, born.attempt, born.depth) == ("default", "kid", {"n": 2}, 1, 1)
    assert (play.state("c"), play.task_run("c").child_run) == (TaskState.RUNNING, born.run_id)
    ended(play.reload(), outputs={"y": 4})
    assert play.task_run("c").outputs == {"y": 4}
    assert play.state("z") is TaskState.QUEUED
    assert [(row.number, row.state) for row in play.attempts] == [(1, AttemptState.SUCCEEDED)]


def test_a_childs_outputs_are_checked_against_what_is_declared() -> None:
    play = child(outputs={"y": ValueType.INTEGER})
    ended(play, outputs={"y": "four"})
    assert play.reason("c") is Reason.INVALID_OUTPUT


def test_a_childs_failure_fails_the_task_and_names_the_run() -> None:
    play = child()
    ended(play, RunState.FAILED, message="task 'a' failed")
    assert play.reason("c") is Reason.CHILD_FAILED
    assert play.task_run("c").message == f"run {play.task_run('c').child_run} failed: task 'a' failed"


def test_a_child_is_retried_as_a_new_run() -> None:
    play = child(retry=Retry(max_attempts=2, delay_seconds=5))
    first = play.task_run("c").child_run
    ended(play, RunState.FAILED)
    assert play.reason("c") is Reason.RETRY
    play.later(5).timer("c")
    assert (play.state("c"), play.task_run("c").attempt) == (TaskState.RUNNING, 2)
    assert play.task_run("c").child_run != first
    ended(play, RunState.SUCCEEDED, attempt=1)  # late news of the first
    assert play.state("c") is TaskState.RUNNING


def test_a_child_that_is_not_waited_for_ends_with_its_start() -> None:
    play = child(spec={"wait": False})
    assert play.state("c") is TaskState.RUNNING
    play.send(ChildStarted(play.task_run("c").id, 1))
    assert play.task_run("c").outputs == {"run_id": play.task_run("c").child_run}
    assert play.state("c") is TaskState.SUCCEEDED


def test_cancelling_goes_down() -> None:
    play = child()
    changes = play.send(Cancel())
    assert [(run_id, signal.kind) for run_id, signal in changes.told] == [(play.task_run("c").child_run, "cancel")]
    ended(play, RunState.CANCELLED)
    assert (play.state("c"), play.ended) == (TaskState.CANCELLED, RunState.CANCELLED)


def test_a_childs_timeout_cancels_it_and_fails_the_attempt() -> None:
    play = child(timeout_seconds=60.0)
    assert [(signal.kind, signal.due_at - BEGIN) for signal in play.signals] == [("task_timer", timedelta(seconds=60))]
    changes = play.later(60).timer("c")
    assert [signal.kind for _, signal in changes.told] == ["cancel"]
    assert play.reason("c") is Reason.TIMEOUT


def test_children_go_only_so_deep() -> None:
    play = Play(task("c", kind="workflow", spec={"name": "default/kid", "inputs": {}, "wait": True}), start=False)
    play.run.trigger["depth"] = 10
    play.send(Start())
    assert play.reason("c") is Reason.CHILD_FAILED
    assert "deeper than 10" in play.task_run("c").message


def test_a_childs_id_is_a_uuid_of_version_7_and_always_the_same() -> None:
    one, other = derived_id(BEGIN, "a:1"), derived_id(BEGIN, "a:2")
    assert one == derived_id(BEGIN, "a:1") != other
    assert UUID(one).version == 7
    assert int(UUID(one).hex[:12], 16) == int(BEGIN.timestamp() * 1000)


def ask(**spec: object) -> Play:
    asked = task("ask", kind="approval", spec={"message": "Go with ${{ 1 + 1 }}?", "on_timeout": "fail", **spec})
    return Play(asked, task("go", "ask"))


def test_an_approval_waits_and_goes_on_with_the_answer() -> None:
    play = ask()
    assert (play.state("ask"), play.task_run("ask").message) == (TaskState.WAITING, "Go with 2?")
    play.reload().send(Decided(play.task_run("ask").id, approved=True, by="ada", comment="yes"))
    assert play.task_run("ask").outputs == {"approved": True, "by": "ada", "comment": "yes"}
    assert play.state("go") is TaskState.QUEUED
    assert play.send(Decided(play.task_run("ask").id, approved=False)).empty


def test_a_rejection_fails_the_task_with_the_reason_given() -> None:
    play = ask()
    play.send(Decided(play.task_run("ask").id, approved=False, by="ada", comment="not today"))
    assert (play.reason("ask"), play.task_run("ask").message) == (Reason.REJECTED, "rejected by ada: not today")


@pytest.mark.parametrize(("on_timeout", "state"), [("fail", TaskState.FAILED), ("approve", TaskState.SUCCEEDED)])
def test_an_approval_that_nobody_answers(on_timeout: str, state: TaskState) -> None:
    play = ask(timeout_seconds=60.0, on_timeout=on_timeout)
    play.later(60).timer("ask")
    assert play.state("ask") is state


def sensor(**fields: object) -> Play:
    repeat = Repeat(until="outputs.n >= 2", every_seconds=30.0, max_attempts=3)
    return Play(task("s", repeat=repeat, outputs={"n": ValueType.INTEGER}, **fields))


def test_a_sensor_is_tried_until_its_condition_holds_and_holds_no_worker_between() -> None:
    play = sensor()
    play.succeed("s", n=1)
    assert (play.state("s"), play.reason("s")) == (TaskState.WAITING, Reason.REPEAT)
    assert play.task_run("s").due_at == BEGIN + timedelta(seconds=30)
    play.later(30).timer("s")
    play.succeed("s", n=2)
    assert (play.state("s"), play.task_run("s").outputs) == (TaskState.SUCCEEDED, {"n": 2})


def test_a_sensor_gives_up_after_its_tries() -> None:
    play = sensor()
    for _ in range(2):
        play.succeed("s", n=0)
        play.timer("s")
    play.succeed("s", n=0)
    assert (play.state("s"), play.reason("s")) == (TaskState.FAILED, Reason.REPEAT)
    assert play.task_run("s").message == "still not true after 3 tries: outputs.n >= 2"


def test_retries_within_one_try_do_not_count_as_tries() -> None:
    play = sensor(retry=Retry(max_attempts=2))
    for _ in range(2):
        play.fail("s")
        play.reload().succeed("s", n=0)
        play.timer("s")
    play.fail("s")
    play.succeed("s", n=5)
    assert (play.state("s"), play.task_run("s").attempt) == (TaskState.SUCCEEDED, 6)


def test_an_error_in_until_fails_the_task_and_names_it() -> None:
    play = Play(task("s", repeat=Repeat(until="outputs.n[3] > 1", every_seconds=1.0), outputs={"n": ValueType.ARRAY}))
    play.succeed("s", n=[1])
    assert play.reason("s") is Reason.EXPRESSION


CACHED = task("a", cache=Cache(key="k-${{ 1 + 1 }}", ttl_seconds=60.0), outputs={"n": ValueType.INTEGER})


def test_a_cache_is_asked_before_a_worker_is() -> None:
    play = Play(CACHED)
    assert play.last is not None
    assert play.last.lookups == [CacheLookup(f"{play.run.id}-0", "a", "k-2")]
    assert play.offers() == []
    play.send(CacheAnswer(f"{play.run.id}-0"))
    assert play.offers() == ["a"]
    changes = play.succeed("a", n=1)
    (entry,) = changes.cached
    assert (entry.key, entry.outputs, entry.expires_at) == ("k-2", {"n": 1}, BEGIN + timedelta(seconds=60))


def test_a_hit_takes_the_outputs_over() -> None:
    play = Play(CACHED, task("b", "a", env={"N": "${{ tasks.a.outputs.n }}"}))
    play.send(CacheAnswer(f"{play.run.id}-0", {"n": 9}, "other-0"))
    assert (play.state("a"), play.reason("a")) == (TaskState.SUCCEEDED, Reason.CACHED)
    assert play.task_run("a").reused_from == "other-0"
    assert play.grant("b").env["N"] == "9"
    assert play.last is not None
    assert play.last.cached == []


def test_each_item_of_a_fan_out_has_a_key_of_its_own() -> None:
    fan = FanOut(combinations=({"s": 1}, {"s": 2}))
    play = Play(task("a", cache=Cache(key="${{ matrix.s }}"), fan_out=fan))
    assert play.last is not None
    assert [lookup.key for lookup in play.last.lookups] == ["1", "2"]
    play.send(CacheAnswer(play.task_run("a[0]").id, {}, "x"), CacheAnswer(play.task_run("a[1]").id))
    assert play.items("a") == ["succeeded", "queued"]


LOCK = Want("lock:default/warehouse", 1, 1)


def test_a_lock_is_asked_for_and_released_with_the_task() -> None:
    play = Play(task("a", locks=("warehouse",), slots={"db": 2}, retry=Retry(max_attempts=2)))
    a = f"{play.run.id}-0"
    assert play.last is not None
    assert play.last.acquires == [Acquire((LOCK, Want("slot:db", 2)), a)]
    assert (play.state("a"), play.reason("a")) == (TaskState.WAITING, Reason.LOCK)
    assert play.task_run("a").message == "waits for lock default/warehouse, slot db"
    play.send(Granted(a))
    assert play.grant("a").fenced
    assert play.fail("a").released == []  # kept across retries
    assert play.succeed("a").released == [a]


def test_a_cancelled_waiter_leaves_the_line() -> None:
    play = Play(task("a", locks=("warehouse",)))
    assert play.send(Cancel()).released == [f"{play.run.id}-0"]
    assert play.ended is RunState.CANCELLED


def test_what_this_installation_does_not_have_fails_task_or_run() -> None:
    play = Play(task("a", slots={"gpu": 1}))
    play.send(Refused("no slots named 'gpu'", f"{play.run.id}-0"))
    assert (play.reason("a"), play.task_run("a").message) == (Reason.RESOURCE, "no slots named 'gpu'")
    play = Play(task("a"), slots={"gpu": 1})
    play.send(Refused("no slots named 'gpu'"))
    assert (play.ended, play.run.reason) == (RunState.FAILED, Reason.RESOURCE)


def test_a_runs_locks_are_taken_before_it_begins() -> None:
    play = Play(task("a"), locks=("warehouse",))
    assert play.last is not None
    assert play.last.acquires == [Acquire((LOCK,))]
    assert play.run.state is RunState.QUEUED
    assert play.run.message == "waits for its turn: lock default/warehouse"
    play.send(Granted())
    assert play.grant("a").fenced
