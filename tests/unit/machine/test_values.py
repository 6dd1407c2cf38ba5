"""Inputs and outputs are of their declared types by the same rules as literals in a file."""

from typing import Any

import pytest

from dsl.model import Input, Task, ValueType, Workflow
from engine.machine.creation import check_inputs
from engine.machine.graph import Graph
from engine.machine.values import output_faults

CASES: list[tuple[ValueType, Any, bool]] = [
    (ValueType.STRING, "", True),
    (ValueType.STRING, 1, False),
    (ValueType.INTEGER, 1, True),
    (ValueType.INTEGER, 1.0, True),
    (ValueType.INTEGER, 1.5, False),
    (ValueType.INTEGER, True, False),
    (ValueType.NUMBER, 1.5, True),
    (ValueType.NUMBER, False, False),
    (ValueType.BOOLEAN, False, True),
    (ValueType.DATE, "2026-01-31", True),
    (ValueType.DATE, "2026-02-30", False),
    (ValueType.DATE, "20260131", False),
    (ValueType.DATETIME, "2026-01-31T12:00:00Z", True),
    (ValueType.DATETIME, "2026-01-31T12:00:00", False),
    (ValueType.DURATION, "1h30m", True),
    (ValueType.DURATION, "PT1.5S", True),
    (ValueType.DURATION, "1.5s", False),
    (ValueType.DURATION, "10000d", False),
    (ValueType.ARRAY, [], True),
    (ValueType.OBJECT, [], False),
]


@pytest.mark.parametrize(("kind", "value", "fits"), CASES)
def test_inputs_and_outputs_are_checked_alike(kind: ValueType, value: Any, fits: bool) -> None:
    tasks = {"a": Task(id="a", kind="run", spec={})}
    graph = Graph.of(Workflow(name="w", tasks=tasks, inputs={"x": Input(type=kind)}))
    assert (check_inputs(graph, {"x": value}) == []) is fits
    assert (output_faults({"x": value}, {"x": kind}) == []) is fits


def test_what_is_declared_and_missing_is_named_and_what_is_long_is_cut() -> None:
    (missing,) = output_faults({}, {"x": ValueType.STRING})
    assert missing == "output 'x' was declared and is missing"
    (long,) = output_faults({"x": ["y" * 100]}, {"x": ValueType.STRING})
    assert len(long) < 120
