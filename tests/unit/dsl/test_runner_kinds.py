"""Kinds that installed packages add: accepted, explained, compiled and published as the built-in ones are."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner

from cli.validation import schema
from dsl.loader import load_text
from dsl.syntax import published, runner_kinds

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PLUGINS / "sums"))
    monkeypatch.syspath_prepend(str(PLUGINS / "broken"))
    runner_kinds.cache_clear()
    yield
    monkeypatch.undo()
    runner_kinds.cache_clear()


def told(task: str) -> list[tuple[str, int, str, str]]:
    found = load_text(f"name: w\ntasks:\n  a: {{{task}}}\n", "w.yaml").diagnostics
    return [(item.code, item.column, item.message, item.hint) for item in found]


@pytest.mark.usefixtures("installed")
def test_a_task_of_an_added_kind_compiles_with_its_block_as_written() -> None:
    tasks = "tasks:\n  a: {sum: {of: [1, '${{ inputs.n }}']}, pool: big}\n"
    text = f"name: w\ninputs: {{n: {{type: integer, default: 1}}}}\n{tasks}"
    (loaded,) = load_text(text, "w.yaml").workflows
    task = loaded.workflow.tasks["a"]
    assert (task.kind, task.spec, task.pool) == ("sum", {"of": [1, "${{ inputs.n }}"]}, "big")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("task", "fault"),
    [
        ("sum: {unti: euro, of: [1]}", ("E0101", 13, "unknown field 'unti'", "did you mean 'unit'?")),
        ("sum: {}", ("E0102", 7, "'of' is missing", "add 'of:'")),
        ("sum: 5", ("E0103", 12, "expected a map, found the number 5", "")),
        (
            "sum: {of: [1], unit: eur}",
            ("E0104", 28, "'eur' is not a value that is allowed here", "did you mean 'euro'?"),
        ),
        (
            "sum: {of: [2]}",
            (
                "E0116",
                17,
                "does not fit the schema of kind 'sum': [2] does not contain items matching the given schema",
                "",
            ),
        ),
        ("sum: {of: [1, '${{ inputs.m }}']}", ("E0402", 33, "unknown input 'm'", "there are none")),
        ("summ: {of: [1]}", ("E0303", 7, "unknown kind of task 'summ'", "did you mean 'sum'?")),
        ("sum: {of: [1]}, run: x", ("E0302", 23, "the task has 2 kinds: sum, run", "make two tasks of them")),
    ],
)
def test_faults_are_told_as_those_of_built_in_kinds(task: str, fault: tuple[str, int, str, str]) -> None:
    assert told(task) == [fault]


@pytest.mark.usefixtures("installed")
def test_a_package_that_cannot_be_used_breaks_only_its_own_kind_and_says_why() -> None:
    ((code, _, _, hint),) = told("absent: {}")
    assert code == "E0303"
    assert "chronoverse_broken.nowhere:runner cannot be imported: No module named" in hint
    assert "schema is not valid" in told("remote: {}")[0][3]
    assert "has a field of that name already" in runner_kinds().broken["wait"]
    assert told("wait: 5m") == []
    assert told("untyped: {any: thing}") == []


@pytest.mark.usefixtures("installed")
def test_the_published_schema_has_the_kind() -> None:
    validator = jsonschema_rs.Draft202012Validator(published("workflow"), offline=True)
    assert validator.is_valid({"name": "w", "tasks": {"a": {"sum": {"of": [1, 2]}}}})
    assert not validator.is_valid({"name": "w", "tasks": {"a": {"sum": {"of": ["x"]}}}})
    assert "runner_sum" in published("workflow")["$defs"]


@pytest.mark.usefixtures("installed")
def test_the_command_line_prints_it() -> None:
    printed = CliRunner().invoke(schema, [])
    assert json.loads(printed.output)["$defs"]["runner_sum"]["description"] == "Adds numbers."


def test_without_the_package_the_kind_is_unknown() -> None:
    ((code, column, message, _),) = told("sum: {of: [1]}")
    assert (code, column, message) == ("E0303", 7, "unknown kind of task 'sum'")
