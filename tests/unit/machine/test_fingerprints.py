"""What makes a task's fingerprint another, and what does not."""

from typing import Any

import pytest

from dsl.loader import load_text
from dsl.model import Workflow
from engine.machine.execution import Execution
from engine.machine.fingerprints import HALF, fingerprint
from engine.machine.graph import Graph
from engine.machine.model import Run, TaskRun
from engine.machine.states import TaskState
from tests.unit.machine.play import BEGIN

TEXT = """\
name: w
inputs: {day: {type: string}, region: {type: string}, size: {type: number}}
env: {LEVEL: info}
tasks:
  extract: {run: ./extract, outputs: {rows: integer, part: string}, env: {DAY: "${{ inputs.day }}"}}
  load:
    description: Loads.
    labels: {team: data}
    needs: [extract]
    if: tasks.extract.state == 'succeeded'
    run: ./load
    env: {ROWS: "${{ tasks.extract.outputs.rows }}", SIZE: "${{ inputs.size }}", RUN: "${{ run.id }}"}
  note:
    needs: [extract]
    set: {text: "${{ has(tasks.extract.outputs.part) ? inputs.region : '' }}"}
  each:
    needs: [extract]
    for_each: "[tasks.extract.outputs.rows]"
    run: ./each
"""
INPUTS = {"day": "mon", "region": "eu", "size": 1}
OUTPUTS = {"rows": 3, "part": "a"}
TASKS = ("extract", "load", "note", "each")


def workflow(text: str) -> Workflow:
    (loaded,) = load_text(text, "w.yaml").workflows
    return loaded.workflow


def prints(
    text: str = TEXT, inputs: dict[str, Any] | None = None, outputs: dict[str, Any] | None = None, run_id: str = "r"
) -> dict[str, str]:
    graph = Graph.of(workflow(text))
    run = Run(
        id=run_id,
        workflow=graph.workflow,
        workflow_id="w",
        revision_id="v",
        revision=1,
        created_at=BEGIN,
        inputs={**INPUTS, **(inputs or {})},
        tasks={
            "extract": TaskRun(id="x", task="extract", ordinal=0, state=TaskState.SUCCEEDED, outputs=outputs or OUTPUTS)
        },
    )
    execution = Execution.of(run, graph)
    return {name: fingerprint(execution, graph.tasks[name]) for name in TASKS}


def changed(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """Which tasks differ, and in which half."""
    found = {}
    for name in TASKS:
        halves = [
            half
            for half, part in (("definition", slice(HALF)), ("values", slice(HALF, None)))
            if before[name][part] != after[name][part]
        ]
        if halves:
            found[name] = " and ".join(halves)
    return found


def test_it_fits_the_column_and_is_the_same_each_time() -> None:
    first = prints()
    assert {len(found) for found in first.values()} == {64}
    assert prints(run_id="another") == first


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("description: Loads.", "description: Writes.", {}),
        ("labels: {team: data}", "labels: {team: web}", {}),
        ("name: w\n", "name: w\n# a comment\n", {}),
        ("./load", "./load --fast", {"load": "definition"}),
        ("LEVEL: info", "LEVEL: debug", {"extract": "definition", "load": "definition", "each": "definition"}),
        ("if: tasks.extract.state == 'succeeded'", "if: always()", {"load": "definition and values"}),
        ("inputs.region :", "'x' :", {"note": "definition and values"}),
        ("[tasks.extract.outputs.rows]", "[tasks.extract.outputs.rows, 1]", {"each": "definition"}),
    ],
)
def test_what_the_file_says(old: str, new: str, expected: dict[str, str]) -> None:
    assert old in TEXT
    assert changed(prints(), prints(TEXT.replace(old, new))) == expected


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ({"day": "tue"}, None, {"extract": "values"}),
        ({"region": "us"}, None, {"note": "values"}),
        ({"size": 1.0}, None, {}),
        ({"size": 1.5}, None, {"load": "values"}),
        (None, {"rows": 4, "part": "a"}, {"load": "values", "each": "values"}),
        (None, {"rows": 3}, {"note": "values"}),
        (None, {"rows": 3, "part": "b"}, {}),
        (None, {"rows": 3, "part": "a", "more": 1}, {}),
    ],
)
def test_what_the_run_says(
    inputs: dict[str, Any] | None, outputs: dict[str, Any] | None, expected: dict[str, str]
) -> None:
    assert changed(prints(), prints(inputs=inputs, outputs=outputs)) == expected
