"""Every example of the how-tos loads clean; those of docs/orchestrating.md run to their end in simulated time."""

import re
from pathlib import Path

import pytest

from dsl.loader import load_text
from dsl.testfile import Case, Expected, Result
from engine.machine.graph import Graph
from engine.rehearsal import Coverage, rehearse

PAGE = Path(__file__).parents[3] / "docs" / "orchestrating.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
MOCKS = {
    "load": (Result(outputs={"rows": 1}),),
    "ingest": (Result(outputs={"rows": 3}),),
    "ask": (Result(approved=True, by="ada"),),
    "poll": (Result(outputs={"status": 503}), Result(outputs={"status": 200})),
    "expensive": (Result(outputs={"rows": 7}),),
}


OTHER = Path(__file__).parents[3] / "docs" / "events-in-and-out.md"


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", OTHER.read_text(encoding="utf-8"), re.DOTALL))
def test_an_example_of_events_loads(text: str) -> None:
    loaded = load_text(text, "example.yaml")
    assert [item.message for item in loaded.diagnostics if item.severity == "error"] == []
    assert len(loaded.workflows) == 1


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.partition("\n")[0])
def test_it_loads_and_runs(text: str) -> None:
    loaded = load_text(text, "example.yaml")
    assert [item.message for item in loaded.diagnostics if item.severity == "error"] == []
    workflow = loaded.workflows[0].workflow
    graph = Graph.of(workflow)
    mocks = {name: mock for name, mock in MOCKS.items() if name in graph.tasks}
    outcome = rehearse(
        workflow, graph, Case(name="c", mocks=mocks, expect=Expected(state="succeeded")), Coverage(graph)
    )
    assert outcome.problems == []
