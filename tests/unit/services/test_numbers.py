"""What committed changes count: each beginning and end once, by its outcome."""

from dsl.model import Retry
from engine.machine.events import Cancel
from engine.machine.states import Reason
from engine.services.executor.numbers import count
from engine.telemetry.instruments import ATTEMPT_DURATION, ATTEMPT_WAIT, RUN_DURATION, RUN_WAIT, TASK_DURATION
from tests.recorded import Recorded
from tests.unit.machine.play import Play, task


class Counted(Play):
    """Counts what each step changes, as an executor does after its commit."""

    def send(self, *events):
        changes = super().send(*events)
        count(changes, self.now)
        return changes


def test_a_run_is_counted_once_at_its_start_and_once_at_its_end() -> None:
    waits, runs, tasks = Recorded(RUN_WAIT), Recorded(RUN_DURATION), Recorded(TASK_DURATION)
    play = Counted(task("a"), task("b", "a"))
    assert waits.since() == {("manual",): (1, 0)}
    play.later(5)
    play.succeed("a")
    assert (runs.number(), tasks.number()) == (0, 1)
    play.later(2)
    play.succeed("b")
    assert runs.since() == {("succeeded", ""): (1, 7)}
    assert tasks.number() == 2
    assert waits.number() == 1


def test_every_attempt_is_counted_by_its_outcome_and_a_task_by_its_last() -> None:
    attempts, waits, tasks = Recorded(ATTEMPT_DURATION), Recorded(ATTEMPT_WAIT), Recorded(TASK_DURATION)
    play = Counted(task("a", retry=Retry(max_attempts=2, delay_seconds=0)))
    play.later(3)
    play.fail("a", Reason.EXIT)
    play.succeed("a")
    assert {values: number for values, (number, _) in attempts.since().items()} == {
        ("run", "default", "failed", "exit"): 1,
        ("run", "default", "succeeded", ""): 1,
    }
    assert waits.since() == {("default",): (2, 3)}
    assert {values: number for values, (number, _) in tasks.since().items()} == {("run", "succeeded", ""): 1}


def test_what_never_started_has_no_duration() -> None:
    tasks, runs = Recorded(TASK_DURATION), Recorded(RUN_DURATION)
    play = Counted(task("a"), task("b", "a"))
    play.send(Cancel())
    assert tasks.number() == 0
    assert {values: number for values, (number, _) in runs.since().items()} == {("cancelled", "cancelled_by_user"): 1}
