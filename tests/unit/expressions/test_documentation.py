"""The tables in docs/expressions.md are what expressions do."""

import json
from pathlib import Path

import pytest

from dsl.expressions import Evaluator, Field
from dsl.expressions.bounds import CHARACTERS_MAX, MAPPED_ELEMENTS_MAX
from dsl.expressions.contexts import FIELDS
from dsl.expressions.functions import OWN_FUNCTIONS
from dsl.expressions.rewrite import CHARACTERS_MAX as EXPRESSION_CHARACTERS_MAX
from dsl.expressions.scope import FIXED, STATUS
from dsl.model import Input, Task, ValueType, Workflow

PAGE = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text("utf-8")
WORKFLOW = Workflow(
    name="w",
    inputs={
        "day": Input(type=ValueType.DATE),
        "at": Input(type=ValueType.DATETIME),
        "span": Input(type=ValueType.DURATION),
        "limits": Input(type=ValueType.OBJECT),
    },
    tasks={
        "a": Task(id="a", kind="run", spec={}, outputs={"rows": ValueType.INTEGER}),
        "b": Task(id="b", kind="run", spec={}, needs=("a",)),
    },
)
VALUES = {
    "inputs.day": "2026-01-31",
    "inputs.at": "2026-01-31T23:30:00Z",
    "inputs.span": "1h30m",
    "inputs.limits": {"rows": 3, "tags": ["a", "b"]},
    "tasks.a.outputs.rows": 5,
}


def rows(heading: str) -> list[list[str]]:
    _, _, section = PAGE.partition(f"{heading}\n| --- |")
    table = section.partition("\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


@pytest.mark.parametrize(("template", "value"), rows("| in a string | gives |"))
def test_examples_give_what_they_say(template: str, value: str) -> None:
    found = Evaluator(WORKFLOW).resolve(Field.TASK_ENV, template.strip("`"), VALUES.__getitem__, task_id="b")
    assert found == json.loads(value.strip("`"))


def test_the_fields_are_all_there_with_what_they_may_name() -> None:
    documented = {
        field: (when, {name.strip("`") for name in names.split(", ")})
        for field, when, names in rows("| field | worked out | may name |")
    }
    assert documented == {str(field): (rule.when, set(rule.contexts)) for field, rule in FIELDS.items()}


def test_every_name_is_there() -> None:
    wanted = [f"`{context}.{name}`" for context, names in FIXED.items() for name in names]
    wanted += [f"`{function}()`" for function in STATUS]
    wanted += [f"{function}(" for function in OWN_FUNCTIONS]
    assert [name for name in wanted if name not in PAGE] == []


def test_the_bounds_are_those() -> None:
    for bound in (EXPRESSION_CHARACTERS_MAX, MAPPED_ELEMENTS_MAX, CHARACTERS_MAX):
        assert f"{bound:,}" in PAGE
