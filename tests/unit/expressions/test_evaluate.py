"""Expressions evaluated as a run does it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dsl.expressions import ABSENT, Evaluator, ExpressionError, Field, evaluate_response
from dsl.model import Input, Task, ValueType, Workflow

WORKFLOW = Workflow(
    name="w",
    inputs={
        "day": Input(type=ValueType.DATE),
        "at": Input(type=ValueType.DATETIME),
        "span": Input(type=ValueType.DURATION),
        "share": Input(type=ValueType.NUMBER),
        "limits": Input(type=ValueType.OBJECT),
    },
    tasks={
        "a": Task(id="a", kind="run", spec={}, outputs={"rows": ValueType.INTEGER}),
        "b": Task(id="b", kind="run", spec={}, needs=("a",)),
    },
)
VALUES: dict[str, Any] = {
    "inputs.day": "2026-01-31",
    "inputs.at": "2026-01-31T23:30:00Z",
    "inputs.span": "1h30m",
    "inputs.share": 2,
    "inputs.limits": {"rows": 3, "deep": {"x": [1, 2]}},
    "tasks.a.outputs.rows": 5,
    "trigger.scheduled_at": datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
    "success()": True,
}


def lookup(name: str) -> Any:
    return VALUES.get(name, ABSENT)


@pytest.fixture
def evaluator() -> Evaluator:
    return Evaluator(WORKFLOW)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${{ tasks.a.outputs.rows }}", 5),
        ("rows=${{ tasks.a.outputs.rows }}!", "rows=5!"),
        ("${{ inputs.limits }}", {"rows": 3, "deep": {"x": [1, 2]}}),
        ("x ${{ inputs.limits.deep }}", 'x {"x": [1, 2]}'),
        ("${{ inputs.share * 1.5 }}", 3.0),
        ("${{ inputs.at }}", "2026-01-31T23:30:00Z"),
        ("${{ inputs.at + inputs.span }}", "2026-02-01T01:00:00Z"),
        ("${{ inputs.at.date() }}", "2026-01-31"),
        ("${{ inputs.at.date('Europe/Berlin') }}", "2026-02-01"),
        ("${{ trigger.scheduled_at.date() }}", "2026-01-31"),
        ("${{ inputs.span }}", "5400s"),
        ("${{ parseJson('{\"a\": [1]}').a[0] }}", 1),
        ("${{ toJson({'a': [1, true, null]}) }}", '{"a": [1, true, null]}'),
        ("${{ inputs.day.split('-')[0] }}", "2026"),
        ("$${{ literal }}", "${{ literal }}"),
        (["${{ 1 + 1 }}", {"k": "${{ 'v' }}", "n": 7}], [2, {"k": "v", "n": 7}]),
        ("${{ has(tasks.a.outputs.rows) }}", True),
    ],
)
def test_templates(evaluator: Evaluator, template: Any, value: Any) -> None:
    assert evaluator.resolve(Field.TASK_ENV, template, lookup, task_id="b") == value


def test_what_holds_no_expression_is_given_back_as_it_is(evaluator: Evaluator) -> None:
    spec = {"script": "true", "list": [1, {"x": "y"}]}
    assert evaluator.resolve(Field.TASK_SPEC, spec, lookup, task_id="b") is spec


@pytest.mark.parametrize(
    ("text", "holds"),
    [("tasks.a.outputs.rows > 4", True), ("success() && inputs.share < 1.0", False), ("has(run.started_at)", False)],
)
def test_conditions(evaluator: Evaluator, text: str, holds: bool) -> None:
    assert evaluator.condition(Field.TASK_IF, text, lookup, task_id="b") is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run.started_at > inputs.at", "'run.started_at' has no value"),
        ("inputs.limits.none == 1", "none"),
        ("1 / 0 == 1", "divide by zero"),
        ("inputs.limits.rows", "true or false"),
        ("inputs.nothing == 1", "unknown input 'nothing'"),
    ],
)
def test_what_cannot_be_worked_out_names_the_expression(evaluator: Evaluator, text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluator.condition(Field.TASK_IF, text, lookup, task_id="b")
    assert said in str(caught.value)
    assert text in str(caught.value)


def test_only_the_names_of_the_expression_are_asked_for(evaluator: Evaluator) -> None:
    asked: list[str] = []

    def watched(name: str) -> Any:
        asked.append(name)
        return VALUES[name]

    evaluator.resolve(Field.TASK_ENV, "${{ inputs.day }}", watched, task_id="b")
    assert asked == ["inputs.day"]


def test_conditions_over_a_response() -> None:
    assert evaluate_response("response.status == 200 && response.json.ok", {"status": 200, "json": {"ok": True}})
    with pytest.raises(ExpressionError):
        evaluate_response("response.json.ok", {"status": 200})
