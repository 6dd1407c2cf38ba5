"""Which spans committed changes tell: each end once, and no attempt that a worker tells of."""

from collections.abc import Iterator

import pytest

from engine.machine.events import Cancel
from engine.machine.states import Reason
from engine.services.executor.traces import tell
from engine.telemetry import spans
from engine.telemetry.attributes import MEANINGS, SPANS
from engine.telemetry.context import TraceContext
from tests.unit.machine.play import RUN_ID, Play, task


class Sink:
    """Keeps spans; they are all there are, so what they say must be in the table."""

    def __init__(self) -> None:
        self.spans: list[spans.Span] = []

    def flags(self, trace_id: str, parent: TraceContext | None) -> int:
        return 1

    def record(self, span: spans.Span) -> None:
        [described] = [each for each in SPANS if each.name.startswith(f"`{span.name.partition(' ')[0]} ")]
        assert span.attributes.keys() <= set(described.attributes) <= MEANINGS.keys()
        self.spans.append(span)

    def said(self) -> list[tuple[str, str | None]]:
        """Return the names since the last time, and what went wrong."""
        told, self.spans = self.spans, []
        return [(span.name, span.fault) for span in told]


class Told(Play):
    """Tells what each step changes, as an executor does after its commit."""

    def send(self, *events):
        changes = super().send(*events)
        tell(changes, self.now)
        self.later(1)
        return changes


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    spans.tell(sink)
    yield sink
    spans.tell(None)


def test_a_task_is_told_at_its_end_and_a_run_at_its_own(sink: Sink) -> None:
    play = Told(task("a"), task("b", "a"))
    assert sink.said() == []
    play.succeed("a")
    assert sink.said() == [("task a", None)]
    play.succeed("b")
    [of_task, of_run] = sink.spans
    assert (of_task.name, of_run.name) == ("task b", "run default/w")
    assert (of_run.context, of_run.parent) == (spans.of_run(RUN_ID, {}), None)
    assert of_task.parent == of_run.context
    assert (of_run.ended_at - of_run.started_at).total_seconds() == 4
    assert of_run.attributes["chronoverse.run.state"] == "succeeded"


def test_why_a_task_failed_is_said(sink: Sink) -> None:
    Told(task("a")).fail("a", Reason.EXIT, "exit 3")
    assert sink.said() == [("task a", "exit 3"), ("run default/w", "task 'a' failed: exit 3")]


def test_an_attempt_that_was_lost_is_told_by_the_engine(sink: Sink) -> None:
    play = Told(task("a"))
    play.claim("a")
    play.lose("a")
    [attempt, of_task, _] = sink.spans
    assert attempt.name == "attempt a"
    assert attempt.fault == "worker worker was not heard of any more"
    assert (attempt.context, attempt.parent) == (spans.of_attempt(f"{RUN_ID}-0:1", {}), of_task.context)
    assert attempt.attributes["chronoverse.reason"] == "lost"


def test_what_never_began_is_told_too(sink: Sink) -> None:
    Told(task("a"), task("b", "a")).send(Cancel())
    assert sorted(sink.said()) == [("run default/w", None), ("task a", None), ("task b", None)]


def test_nothing_is_made_for_nobody() -> None:
    play = Told(task("a"))
    play.succeed("a")
    assert play.ended
