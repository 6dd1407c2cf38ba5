"""Every conformance case in simulated time."""

import pytest

from engine.machine.graph import Graph
from engine.rehearsal import Coverage, rehearse
from tests.conformance.suite import Conformance, conformance


def parameters() -> list[object]:
    """Return the cases."""
    return [pytest.param(case, id=case.id) for case in conformance()]


@pytest.mark.parametrize("conformance_case", parameters())
def test_in_simulated_time(conformance_case: Conformance) -> None:
    """What the case says is true of the state machine."""
    workflow = conformance_case.workflows()[0]
    graph = Graph.of(workflow)
    outcome = rehearse(workflow, graph, conformance_case.case, Coverage(graph))
    assert not outcome.problems, "\n".join(f"{'.'.join(map(str, p.path))}: {p.message}" for p in outcome.problems)


def test_there_are_many_cases() -> None:
    """The cases are found at all, and few of them are for simulated time alone."""
    cases = conformance()
    assert len(cases) >= 150
    assert sum(1 for case in cases if case.simulated_only) <= len(cases) // 5
