"""T2, T3: fan-outs expand, run a few at a time, stop at the first failure, and are joined."""

from dsl.model import Concurrency, FanOut, Retry, ValueType
from engine.machine.events import Cancel, Granted
from engine.machine.states import Reason, RunState, TaskState
from tests.unit.machine.play import Play, task

SHARDS = FanOut(combinations=({"shard": 0}, {"shard": 1}, {"shard": 2}))


def each(names: object, **fields: object) -> Play:
    listing = task("list", kind="set", spec={"values": {"files": names}})
    return Play(
        listing, task("load", "list", fan_out=FanOut(for_each="tasks.list.outputs.files", **fields)), task("z", "load")
    )


def test_each_combination_is_a_task_run_with_a_key_and_its_values() -> None:
    play = Play(task("load", fan_out=SHARDS, env={"S": "${{ matrix.shard }}"}))
    assert play.offers() == ["load[0]", "load[1]", "load[2]"]
    assert [item.key for item in play.run.items["load"]] == ["shard=0", "shard=1", "shard=2"]
    assert [item.id.removeprefix(play.run.id) for item in play.run.items["load"]] == ["-0.0", "-0.1", "-0.2"]
    grant = play.grant("load[1]")
    assert (grant.env["S"], grant.env["CHRONOVERSE_TASK_KEY"]) == ("1", "shard=1")


def test_outputs_come_as_lists_in_the_order_of_the_items() -> None:
    play = Play(
        task("load", fan_out=SHARDS, outputs={"rows": ValueType.INTEGER}),
        task("sum", "load", kind="set", spec={"values": {"all": "${{ tasks.load.outputs.rows }}"}}),
    )
    for index in (2, 0, 1):
        play.succeed(f"load[{index}]", rows=index * 10)
    assert play.task_run("sum").outputs == {"all": [0, 10, 20]}
    assert play.ended is RunState.SUCCEEDED


def test_for_each_over_a_list_gives_item_and_index() -> None:
    play = each(["a.csv", "b.csv"])
    play.graph.workflow.tasks["load"].env["F"] = "${{ index }}:${{ item }}"
    assert play.grant("load[1]").env["F"] == "1:b.csv"
    assert play.task_run("load[1]").key == "1"


def test_for_each_over_a_map_gives_key_and_value() -> None:
    play = each({"eu": 1, "us": 2})
    play.graph.workflow.tasks["load"].env["F"] = "${{ item.key }}=${{ item.value }}"
    assert play.task_run("load[1]").key == "us"
    assert play.grant("load[1]").env["F"] == "us=2"


def test_a_fan_out_over_nothing_succeeds_at_once_with_empty_outputs() -> None:
    play = each([])
    assert play.states() == {"list": "succeeded", "load": "succeeded", "z": "queued"}


def test_for_each_of_something_else_fails_the_task_with_the_place() -> None:
    play = each(7)
    assert play.reason("load") is Reason.EXPRESSION
    assert "neither a list nor a map" in play.task_run("load").message
    assert play.ended is RunState.FAILED


def test_more_items_than_a_run_may_have_fail_the_task() -> None:
    play = each(list(range(10_001)))
    assert play.reason("load") is Reason.FAN_OUT
    assert "10,001 items" in play.task_run("load").message


def test_max_parallel_lets_only_so_many_run_at_once() -> None:
    play = each(["a", "b", "c", "d"], max_parallel=2)
    assert play.offers() == ["load[0]", "load[1]"]
    play.succeed("load[1]")
    assert play.offers()[2:] == ["load[2]"]
    play.reload().succeed("load[0]")
    assert play.offers()[3:] == ["load[3]"]
    play.succeed("load[2]")
    play.succeed("load[3]")
    assert play.state("z") is TaskState.QUEUED


def test_the_first_failure_stops_the_others_by_default() -> None:
    play = each(["a", "b", "c", "d"], max_parallel=2)
    play.claim("load[1]")
    play.fail("load[0]", message="exit 3")
    assert play.items("load") == ["failed", "running", "cancelled", "cancelled"]
    assert play.task_run("load[1]").stop
    assert play.task_run("load[2]").message == "item '0' failed"
    play.reload().succeed("load[1]")
    assert play.state("load") is TaskState.FAILED
    assert play.task_run("load").message == "1 of 4 items failed: '0': exit 3"
    assert play.run.message.startswith("task 'load' failed: 1 of 4 items failed")


def test_without_fail_fast_all_items_get_their_turn() -> None:
    play = each(["a", "b"], fail_fast=False)
    play.fail("load[0]")
    play.succeed("load[1]")
    assert play.items("load") == ["failed", "succeeded"]
    assert play.states() == {"list": "succeeded", "load": "failed", "z": "skipped"}


def test_failures_that_are_allowed_give_null_and_count_as_success() -> None:
    play = Play(
        task("load", fan_out=SHARDS, outputs={"rows": ValueType.INTEGER}, allow_failure=True),
        task("sum", "load", kind="set", spec={"values": {"all": "${{ tasks.load.outputs.rows }}"}}),
    )
    play.succeed("load[0]", rows=1)
    play.fail("load[1]")
    play.succeed("load[2]", rows=3)
    assert play.state("load") is TaskState.FAILED
    assert play.task_run("sum").outputs == {"all": [1, None, 3]}
    assert play.ended is RunState.SUCCEEDED


def test_an_item_is_retried_by_itself() -> None:
    play = Play(task("load", fan_out=SHARDS, retry=Retry(max_attempts=2)))
    play.fail("load[1]")
    assert play.items("load") == ["queued", "queued", "queued"]
    assert play.offers()[3:] == ["load[1]"]
    assert [row.number for row in play.attempts] == [1]


def test_a_cancelled_run_cancels_items_that_never_began() -> None:
    play = each(["a", "b", "c"], max_parallel=1)
    play.claim("load[0]")
    play.send(Cancel())
    assert play.items("load") == ["running", "cancelled", "cancelled"]
    play.fail("load[0]")
    assert play.states() == {"list": "succeeded", "load": "cancelled", "z": "cancelled"}
    assert play.ended is RunState.CANCELLED


def test_items_that_the_engine_carries_out_itself_end_at_once() -> None:
    play = Play(task("n", kind="set", spec={"values": {"twice": "${{ matrix.shard * 2 }}"}}, fan_out=SHARDS))
    assert play.task_run("n").outputs == {"twice": [0, 2, 4]}
    assert play.ended is RunState.SUCCEEDED


def test_a_condition_is_asked_once_for_all_items() -> None:
    play = Play(task("load", fan_out=SHARDS, condition="false"))
    assert play.state("load") is TaskState.SKIPPED
    assert play.items("load") == []


def test_the_rows_say_where_a_fan_out_stands() -> None:
    play = each(["a", "b", "c"], max_parallel=2)
    play.succeed("load[0]")
    play.reload().reload()
    play.succeed("load[1]")
    play.reload().succeed("load[2]")
    assert play.state("load") is TaskState.SUCCEEDED
    assert play.offers().count("load[2]") == 1


def test_a_fan_out_within_a_limited_run_is_fenced() -> None:
    play = Play(task("load", fan_out=SHARDS), concurrency=Concurrency(limit=1), start=False)
    play.send(Granted())
    assert play.grant("load[0]").fenced
