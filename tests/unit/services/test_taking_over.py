"""What a new run takes over, played on with the real machine."""

from typing import Any

from dsl.model import FanOut, Task
from engine.machine.events import Start
from engine.machine.execution import Execution
from engine.machine.model import Run
from engine.machine.states import AttemptState, Reason, RunState, TaskState
from engine.services.taking_over import Decision, if_unchanged, succeeded, take_over, unless_chosen, whatever
from engine.services.verdicts import Verdict
from tests.unit.machine.play import Play, task

FAN = FanOut(combinations=({"n": 1}, {"n": 2}))
TASKS = (
    task("fan", fan_out=FAN, outputs={"rows": "integer"}),
    task("join", "fan", env={"ROWS": "${{ tasks.fan.outputs.rows }}"}),
    task("side"),
)


def again(old: Play, *tasks: Task, **fields: Any) -> Play:
    """A run of (perhaps other) tasks, not started yet."""
    new = Play(*(tasks or TASKS), start=False, **fields)
    new.run.id = old.run.id[:-1] + "1"
    return new


def played(*, items: int = 2) -> Play:
    """A run whose fan-out has so many items that succeeded; `join` fails, `side` succeeds."""
    play = Play(*TASKS)
    for n in range(2):
        play.claim(f"fan[{n}]")
        state = AttemptState.SUCCEEDED if n < items else AttemptState.FAILED
        play.end(f"fan[{n}]", state, None if n < items else Reason.EXIT, {"rows": n})
    for name, state in (("side", AttemptState.SUCCEEDED), ("join", AttemptState.FAILED)):
        if play.state(name) is TaskState.QUEUED:
            play.claim(name)
            play.end(name, state, Reason.EXIT if state is AttemptState.FAILED else None)
    assert play.run.state is RunState.FAILED
    return play


def verdicts(decisions: list[Decision]) -> dict[str, Verdict]:
    return {decision.task: decision.verdict for decision in decisions}


def go_on(new: Play) -> Run:
    """Start the new run, and let everything succeed that is still to be done."""
    new.execution = Execution.of(new.run, new.graph)
    new.send(Start())
    for name in ("fan[0]", "fan[1]", "side", "join"):
        if new.find(name) is not None and new.state(name) is TaskState.QUEUED:
            new.claim(name)
            new.end(name, outputs={"rows": 7} if name.startswith("fan") else None)
    return new.run


def test_a_fan_out_is_taken_over_whole_and_what_is_below_it_sees_its_outputs() -> None:
    old = played()
    new = again(old)
    found = verdicts(take_over(new.run, new.graph, old.run.tasks, succeeded, whatever))
    assert found == {"fan": Verdict.REUSED, "join": Verdict.NOT_SUCCEEDED, "side": Verdict.REUSED}
    run = go_on(new)
    assert run.state is RunState.SUCCEEDED
    assert run.tasks["fan"].outputs == {"rows": [0, 1]}
    assert run.items == {}


def test_a_fan_out_of_which_an_item_failed_runs_again_whole() -> None:
    old = played(items=1)
    new = again(old)
    found = verdicts(take_over(new.run, new.graph, old.run.tasks, succeeded, whatever))
    assert found["fan"] is Verdict.NOT_SUCCEEDED
    run = go_on(new)
    assert (run.state, run.tasks["fan"].outputs) == (RunState.SUCCEEDED, {"rows": [7, 7]})


def test_a_chosen_task_runs_with_all_below_it() -> None:
    old = played()
    new = again(old)
    found = verdicts(take_over(new.run, new.graph, old.run.tasks, succeeded, unless_chosen("fan")))
    assert found == {"fan": Verdict.CHOSEN, "join": Verdict.NOT_SUCCEEDED, "side": Verdict.REUSED}
    assert go_on(new).state is RunState.SUCCEEDED


def test_one_more_item_is_another_definition() -> None:
    old = played()
    wider = FanOut(combinations=({"n": 1}, {"n": 2}, {"n": 3}))
    new = again(old, task("fan", fan_out=wider, outputs={"rows": "integer"}), *TASKS[1:])
    judge = if_unchanged(Execution.of(new.run, new.graph), old.execution)
    decisions = take_over(new.run, new.graph, old.run.tasks, succeeded, judge)
    assert verdicts(decisions) == {
        "fan": Verdict.DEFINITION_CHANGED,
        "join": Verdict.NOT_SUCCEEDED,
        "side": Verdict.REUSED,
    }
    assert {decision.message for decision in decisions} >= {"its definition has changed: fan_out"}


def test_what_kept_no_fingerprint_runs_again() -> None:
    old = played()
    old.run.tasks["side"].fingerprint = None
    new = again(old)
    judge = if_unchanged(Execution.of(new.run, new.graph), old.execution)
    assert verdicts(take_over(new.run, new.graph, old.run.tasks, succeeded, judge))["side"] is Verdict.UNKNOWN_BASIS
