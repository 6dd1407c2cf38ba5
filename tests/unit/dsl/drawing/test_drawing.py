"""Drawings of a workflow say everything that it has, and hold whatever a file may say."""

import re
from xml.etree import ElementTree as ET

import pytest

from dsl import drawing
from dsl.drawing.graph import clusters
from dsl.loader import load_text
from dsl.model import Task, Workflow

WHOLE = """
name: whole
inputs: {hosts: {type: array, default: [a, b]}}
tasks:
  end: {run: "true"}
  each: {needs: [end], for_each: inputs.hosts, run: "true", retry: {max_attempts: 3}}
  shards: {needs: [end], matrix: {shard: [0, 1], region: [eu, us]}, run: "true", allow_failure: true}
  ask: {needs: [each, end], if: 'inputs.hosts.size() > 1 && "<b>" != "]"', approval: {message: go on?}}
on_failure: {tell: {run: "true"}}
finally: {tidy: {run: "true"}, after: {needs: [tidy], run: "true"}}
"""


@pytest.fixture(scope="module")
def whole() -> Workflow:
    loaded = load_text(WHOLE, "whole.yaml")
    assert not [item for item in loaded.diagnostics if item.severity == "error"]
    return loaded.workflows[0].workflow


def test_text_has_layers_needs_and_hooks(whole: Workflow) -> None:
    assert drawing.text(whole) == (
        "default/whole\n"
        "\n"
        "tasks\n"
        "  1 ── end [run]\n"
        "  2 ┬─ each [run]      ← end  for each of inputs.hosts  3 attempts\n"
        "    └─ shards [run]    ← end  4 items: shard, region  may fail\n"
        '  3 ── ask [approval]  ← each, end  if inputs.hosts.size() > 1 && "<b>" != "]"\n'
        "\n"
        "on_failure: after the run failed\n"
        "  1 ── tell [run]\n"
        "\n"
        "finally: always, last\n"
        "  1 ── tidy [run]\n"
        "  2 ── after [run]  ← tidy\n"
    )


def test_mermaid_names_nothing_as_its_keywords_and_escapes_all_text(whole: Workflow) -> None:
    drawn = drawing.mermaid(whole)
    assert 'n0["end · run"]' in drawn
    assert "n0 --> n1" in drawn
    assert "tasks_ -. failed .-> on_failure_" in drawn
    labels = re.findall(r'"(.*?)"', drawn)
    assert drawn.count('"') == 2 * len(labels)
    assert all(not re.search(r"[<>&\[\]{}]", label.replace("<br/>", "")) for label in labels)
    assert drawn.count("subgraph") == drawn.count("\n  end\n") == 3


def test_svg_is_well_formed_and_needs_nothing_else(whole: Workflow) -> None:
    drawn = drawing.svg(whole)
    root = ET.fromstring(drawn)
    texts = [item.text for item in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"end", "each", "ask", "tidy", "default/whole", "finally: always, last"} <= set(texts)
    assert 'if inputs.hosts.size() > 1 && "<b>" != "]"' in texts
    assert drawn.replace('xmlns="http://www.w3.org/2000/svg"', "").count("http") == 0
    assert "prefers-color-scheme:dark" in drawn
    paths = [item for item in root.iter("{http://www.w3.org/2000/svg}path") if item.get("marker-end")]
    assert len(paths) == 5  # each edge once


@pytest.mark.parametrize("draw", [drawing.text, drawing.mermaid, drawing.svg])
def test_a_condition_with_control_characters_stays_one_line_and_well_formed(draw) -> None:
    task = Task(id="a", kind="run", spec={}, condition="true\n  && '\x01\x1b[31m' == '\u2028'")
    drawn = draw(Workflow(name="odd", tasks={"a": task}))
    assert "\x1b" not in drawn
    assert "\x01" not in drawn
    assert "\u2028" not in drawn
    if draw is drawing.svg:
        ET.fromstring(drawn)


def test_long_chains_are_layered_without_recursion() -> None:
    tasks = {f"t{n}": Task(id=f"t{n}", kind="run", spec={}, needs=(f"t{n + 1}",)) for n in range(3000)}
    tasks["t3000"] = Task(id="t3000", kind="run", spec={})
    (found,) = clusters(Workflow(name="chain", tasks=tasks))
    assert len(found.layers) == 3001
    assert found.layers[0] == ("t3000",)
