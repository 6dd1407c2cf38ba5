"""Expressions are checked when a file is loaded: what is wrong, and exactly where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.expressions import Field, Shape, TaskShape, check_condition, check_template, scope_for, split_template

SHAPE = Shape(
    inputs={"day": "date", "limits": "object", "count": "integer", "at": "datetime"},
    tasks={
        "extract": TaskShape(outputs={"rows": "integer", "name": "string"}),
        "side": TaskShape(outputs={"x": "integer"}),
        "load": TaskShape(outputs={}, needs=("extract",)),
        "publish": TaskShape(outputs={}, needs=("load",)),
    },
    env=frozenset({"LEVEL"}),
)
TASK_IF = scope_for(SHAPE, Field.TASK_IF, "publish")
TASK_ENV = scope_for(SHAPE, Field.TASK_ENV, "publish")


@pytest.mark.parametrize(
    "text",
    [
        "tasks.extract.outputs.rows > 0",
        "tasks.extract.outputs.rows > 0 && tasks.extract.outputs.rows < inputs.count",
        "success() || failure() && !cancelled()",
        "has(tasks.extract.outputs.rows) && tasks.extract.outputs.rows == 1",
        "has(inputs.limits.rows) && inputs.limits.rows == 3",
        "inputs.day == '2026-01-01'",
        "inputs.at.date() == inputs.day",
        "tasks.load.state == 'succeeded'",
        "['a', 'b'].exists(x, x == inputs.day)",
        "run.created_at > timestamp('2020-01-01T00:00:00Z')",
        "inputs . count > 1",
        "[1, 2].all(item, item > 0)",
        "[{'a': 1}].map(run, run.a).exists(index, index == 1)",
        "['x'].map(inputs, inputs + '!')[0] == inputs.day",
        "trigger.body.?run.?item.orValue('') == ''",
        "inputs.limits.?rows.orValue(3) == 3",
        "trigger.headers['x-event'] == 'push'",
        "{'inputs': 1}.inputs == 1",
        "'// inputs.dya' == inputs.day // inputs.dya",
    ],
)
def test_right_conditions_have_no_fault(text: str) -> None:
    assert check_condition(text, TASK_IF).faults == ()


@pytest.mark.parametrize(
    ("text", "code", "pointed_at", "said"),
    [
        ("tasks.extrct.outputs.rows > 0", "E0402", "extrct", "did you mean 'extract'?"),
        ("tasks.extract.outputs.row > 0", "E0402", "row", "did you mean 'rows'?"),
        ("1 == 1 && inputs.dya == ''", "E0402", "dya", "did you mean 'day'?"),
        ("tasks.side.outputs.x > 0", "E0406", "side", "needs: [side]"),
        ("secrets.TOKEN == ''", "E0403", "secrets", "usable here"),
        ("sucess()", "E0404", "sucess", "did you mean 'success'?"),
        ("nonsense == 1", "E0402", "nonsense", ""),
        ("tasks.extract.outputs.rows == ", "E0401", " ", ""),
        ("inputs.day + 1 == 2", "E0405", "+", ""),
        ("inputs.count", "E0409", "inputs.count", ""),
        ("${{ success() }}", "E0407", "${{", "write: success()"),
        ("", "E0401", "", ""),
        ("trigger.bodi.x == 1", "E0402", "bodi", "did you mean 'body'?"),
        ("tasks.extract == 1", "E0402", "extract", ""),
        ("_s1 == 'x'", "E0401", "_s1", ""),
        ("tasks.extract.outputs.rows() == 1", "E0404", "rows", ""),
        ("!success", "E0402", "success", "write success()"),
        ("success(1)", "E0404", "(", "write success()"),
        ("[1].map(item, item) == [item]", "E0403", "item", "usable here"),
        ("inputs.day.startsWith(1)", "E0405", "startsWith", ""),
        ("inputs.count == 1.0", "E0405", "==", "convert"),
        ("inputs['day'] == ''", "E0402", "inputs", "write inputs.NAME"),
        ("if == 1", "E0401", "if", ""),
        ("'😀' + inputs.dya == ''", "E0402", "dya", "did you mean 'day'?"),
        ("😀 == 1", "E0401", "😀", ""),
        ("unknown.map(x, x > 1)[0]", "E0402", "unknown", ""),
        ("trigger.body.?x == optional.of(1) ? optional.of(true) : optional.none()", "E0409", None, ".orValue"),
        ("[" * 40 + "1" + "]" * 40, "E0410", None, ""),
        ("1" + " + 1" * 5000, "E0410", None, ""),
    ],
)
def test_wrong_conditions_are_one_fault_at_the_place(text: str, code: str, pointed_at: str | None, said: str) -> None:
    faults = check_condition(text, TASK_IF).faults
    assert [fault.code for fault in faults] == [code], faults
    assert pointed_at is None or text[faults[0].offset : faults[0].offset + faults[0].length] == pointed_at
    assert said in faults[0].hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inputs.day + 1 == 2", "operator '+' does not take (string, integer)"),
        ("inputs.at > inputs.day", "operator '>' does not take (datetime, string)"),
        ("inputs.count.date()", "function 'date' does not take (integer)"),
        ("inputs.count +", "not a valid expression: it ends too soon"),
        ("'abc", "not a valid expression: the string is not closed"),
        ("inputs.day inputs.day", "not a valid expression: 'inputs' is not expected here"),
        ("tasks.extract.outputs.rows()", "'tasks.extract.outputs.rows' is a value, not a function"),
        ("secrets.A == ''", "'secrets' cannot be used here: this is evaluated when all that the task needs has ended"),
        ("tasks.side.outputs.x", "task 'side' need not have ended before 'publish' starts"),
    ],
)
def test_messages_are_plain(text: str, said: str) -> None:
    assert [fault.message for fault in check_condition(text, TASK_IF, expect=None).faults] == [said]


def test_all_faults_are_found_in_one_pass() -> None:
    faults = check_condition("inputs.dya == tasks.extrct.state", TASK_IF).faults
    assert [fault.code for fault in faults] == ["E0402", "E0402"]


def test_faults_in_a_template_point_into_the_string() -> None:
    text = "day ${{ inputs.day }} of ${{ inputs.dya }}"
    (fault,) = check_template(text, TASK_ENV).faults
    assert text[fault.offset : fault.offset + fault.length] == "dya"


def test_a_sole_expression_keeps_its_type_and_anything_else_is_text() -> None:
    assert check_template("${{ inputs.count + 1 }}", TASK_ENV).type == "integer"
    assert check_template(" ${{ inputs.limits }} ", TASK_ENV).type == "object"
    assert check_template("n=${{ inputs.count }}", TASK_ENV).type == "string"


def test_an_unclosed_expression_is_a_fault() -> None:
    (fault,) = check_template("x ${{ inputs.day", TASK_ENV).faults
    assert (fault.code, fault.offset) == ("E0408", 2)


def test_status_functions_belong_to_a_tasks_if() -> None:
    (fault,) = check_template("${{ success() }}", TASK_ENV).faults
    assert fault.code == "E0404"


def test_names_are_those_used() -> None:
    checked = check_condition("has(inputs.day) && tasks.extract.outputs.rows > 0 && success()", TASK_IF)
    assert checked.names == {"has:inputs.day", "tasks.extract.outputs.rows", "success()"}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a ${{ b }} c", [("a ", False), (" b ", True), (" c", False)]),
        ("${{ {'a': {'b': 1}}.a.b }}", [(" {'a': {'b': 1}}.a.b ", True)]),
        ("${{ '}}' }}", [(" '}}' ", True)]),
        ("$${{ literal }}", [("${{ literal }}", False)]),
        ("plain", [("plain", False)]),
        ("", []),
    ],
)
def test_splitting_a_template(text: str, pieces: list[tuple[str, bool]]) -> None:
    assert [(part.text, part.expression) for part in split_template(text)] == pieces


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    check_condition(text, TASK_IF)
    check_template(text, TASK_ENV)
    check_template("${{" + text + "}}", TASK_ENV)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["inputs.", "day", "(", ")", "'", '"', "{", "}", "[", "]", ".", " ", "has", "1", "+", ".map(x,", "x"]
        )
    )
)
def test_no_near_miss_raises_and_faults_lie_inside(pieces: list[str]) -> None:
    text = "".join(pieces)
    for fault in check_condition(text, TASK_IF).faults:
        assert "_s" not in fault.message  # our own variables are nobody's business
        assert 0 <= fault.offset <= len(text)
        assert fault.length >= 1
