"""Expressions evaluated as a run does it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.expressions import ABSENT, Evaluator, ExpressionError, Field, Lookup, evaluate_response
from dsl.expressions.bounds import CHARACTERS_MAX, MAPPED_ELEMENTS_MAX
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
PIECES = [
    "inputs.limits",
    "inputs.day",
    ".deep",
    ".x",
    "[0]",
    " + ",
    "1",
    ".map(x, x)",
    "toJson(",
    ")",
    "parseJson(",
    "'",
    "?",
    ".?y",
]
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
        ("${{ duration('1234567s') }}", "1234567s"),
        ("${{ duration('1.5s') }}", "1500ms"),
        ("${{ toJson(null) + toJson(inputs.at) }}", 'null"2026-01-31T23:30:00Z"'),
        ("${{ toJson('é') }}", '"é"'),
        ("${{ b'abc' }}", "YWJj"),
        ("${{ parseJson('12345678901234567890123') }}", 12345678901234567890123.0),
        ("${{ inputs.limits.?none.orValue(7) }}", 7),
        ("${{ inputs.limits.deep.x.map(item, item * 2) }}", [2, 4]),
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
        ("0.0 / 0.0 == 1.0 ? true : 1.0 / 0.0", "operator '? :' does not take"),
        ("1.0 / 0.0", "gives inf, which JSON does not have"),
        ("parseJson('NaN')", "JSON has no NaN"),
        ("parseJson('[')", "Expecting value"),
        ("parseJson('[[' + inputs.day)", "Expecting"),
        ("inputs.at.date('No/Zone') == ''", "unknown time zone 'No/Zone'"),
        ("inputs.at.date('Europe') == ''", "unknown time zone 'Europe'"),
        ("optional.of(true)", "gives an optional; end it with .orValue"),
        ("inputs.limits.rows + 'x' == ''", "operator '+' does not take (integer, string)"),
        ("type(1)", "not a value"),
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


BIG = Workflow(name="w", inputs={"list": Input(type=ValueType.ARRAY), "text": Input(type=ValueType.STRING)}, tasks={})


def big(elements: int, characters: int) -> Lookup:
    values = {"inputs.list": list(range(elements)), "inputs.text": "x" * characters}
    return lambda name: values.get(name, ABSENT)


def test_a_list_of_any_length_may_be_handed_on_and_looked_through() -> None:
    template = {"all": "${{ inputs.list }}", "positive": "${{ inputs.list.all(x, x >= 0) }}"}
    found = Evaluator(BIG).resolve(Field.WORKFLOW_OUTPUT, template, big(9_999, 0))
    assert found == {"all": list(range(9_999)), "positive": True}


@pytest.mark.parametrize(
    ("text", "elements", "characters", "said"),
    [
        ("inputs.list.map(x, x)", MAPPED_ELEMENTS_MAX + 1, 0, "at most 2,000 elements"),
        ("inputs.list.filter(x, x > 0)", MAPPED_ELEMENTS_MAX + 1, 0, "at most 2,000 elements"),
        ("inputs.list.all(x, x >= 0)", 10_001, 0, "Iteration budget exceeded"),
        ("inputs.list.map(x, inputs.list.map(y, y))", 1_000, 0, "Iteration budget exceeded"),
        ("inputs.text", 0, CHARACTERS_MAX + 1, "more than 1,000,000 characters"),
        ("inputs.text + inputs.text", 0, CHARACTERS_MAX // 2 + 1, "more than 1,000,000 characters"),
    ],
)
def test_what_an_evaluation_may_cost_is_bounded(text: str, elements: int, characters: int, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Evaluator(BIG).resolve(Field.WORKFLOW_OUTPUT, f"${{{{ {text} }}}}", big(elements, characters))
    assert said in caught.value.message


def test_interpolated_text_is_bounded() -> None:
    text = "${{ inputs.text }}${{ inputs.text }}"
    with pytest.raises(ExpressionError, match="characters"):
        Evaluator(BIG).resolve(Field.WORKFLOW_OUTPUT, text, big(0, CHARACTERS_MAX // 2 + 1))


@settings(deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_text_does_anything_but_give_a_value_or_an_expression_error(text: str) -> None:
    evaluator = Evaluator(WORKFLOW)
    try:
        value = evaluator.resolve(Field.TASK_ENV, "${{" + text + "}}", lookup, task_id="b")
    except ExpressionError:
        return
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_threads_share_an_evaluator(evaluator: Evaluator) -> None:
    def evaluate(number: int) -> Any:
        values = {**VALUES, "tasks.a.outputs.rows": number}
        text = f"${{{{ tasks.a.outputs.rows + {number % 7} }}}}"
        return evaluator.resolve(Field.TASK_ENV, text, values.__getitem__, task_id="b")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(evaluate, range(2_000))) == [number + number % 7 for number in range(2_000)]
