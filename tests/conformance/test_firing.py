"""When the triggers of a case fire, and what is caught up after a time without a scheduler."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import pytest

from dsl.durations import parse_duration
from dsl.model import Schedule
from engine.machine.graph import Graph
from engine.schedule.catchup import due, next_times
from engine.schedule.firing import fires_between, next_fire
from engine.services.firing import Occasion, fire
from engine.services.revision_cache import ReadyRevision
from engine.store.triggers import FiringOutcome
from tests.conformance.suite import Conformance, Span, conformance

FIRINGS_MAX: Final = 1000
RUN_ID: Final = "01890000-0000-7000-8000-000000000000"
FIRING: Final = [case for case in conformance() if case.fires]
MISSING: Final = [case for case in conformance() if case.misses]


@pytest.mark.parametrize("case", FIRING, ids=lambda case: case.id)
def test_when_it_fires(case: Conformance) -> None:
    """The times at which the trigger makes a run, its condition asked; none is due later than `spread` says."""
    for name, span in case.fires.items():
        assert list(_fired(case, name, span)) == list(span.at)
        if span.spread:
            assert _spread(case, name, span) == []


@pytest.mark.parametrize("case", MISSING, ids=lambda case: case.id)
def test_what_is_caught_up(case: Conformance) -> None:
    """The times of which a run is made when nobody had looked between two moments."""
    for name, span in case.misses.items():
        schedule = _schedule(case, name)
        first = next_fire(schedule, span.begin, span.begin)
        assert first is not None
        found = due(schedule, first.nominal, span.until, span.begin, name)
        assert [each.nominal for each in found.settled if each.fires] == list(span.at)


def _schedule(case: Conformance, name: str) -> Schedule:
    trigger = case.workflows()[0].triggers[name]
    assert isinstance(trigger, Schedule)
    return trigger


def _fired(case: Conformance, name: str, span: Span) -> Iterator[datetime]:
    revision = ReadyRevision("revision", 1, None, Graph.of(case.workflows()[0]))
    schedule = _schedule(case, name)
    for each in fires_between(schedule, span.begin, span.until, FIRINGS_MAX):
        made = fire(Occasion("workflow", name, schedule, each.nominal), revision, RUN_ID, each.nominal)
        if made.outcome is FiringOutcome.RUN:
            yield each.nominal


def _spread(case: Conformance, name: str, span: Span) -> list[timedelta]:
    """Return the delays that are not within bounds; all of them, where every one is the same."""
    schedule, longest = _schedule(case, name), timedelta(seconds=parse_duration(span.spread))
    delays = []
    for nominal in span.at:
        found, due_at = next_times(schedule, span.begin, nominal - timedelta(microseconds=1), name)
        assert due_at is not None
        assert found == nominal
        delays.append(due_at - nominal)
    wrong = [delay for delay in delays if not timedelta(0) <= delay < longest]
    return wrong or (delays if len(set(delays)) == 1 else [])
