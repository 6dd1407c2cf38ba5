"""Expressions in a whole document: the field decides what may be named, and the place is inside the text."""

import pytest

from dsl.loader import load_text

HEAD = "name: w\ninputs:\n  n: {type: integer, default: 1}\n"


def codes(body: str) -> list[tuple[str, int, int]]:
    result = load_text(HEAD + body, "w.yaml")
    return [(item.code, item.line, item.column) for item in result.diagnostics]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("tasks:\n  a: {run: x, if: inputs.m > 1}\n", [("E0402", 5, 26)]),
        ("tasks:\n  a:\n    run: x\n    env: {A: 'v ${{ inputs.m }}'}\n", [("E0402", 7, 28)]),
        ("env: {A: '${{ tasks.a.state }}'}\ntasks:\n  a: {run: x}\n", [("E0403", 4, 15)]),
        ("outputs: {x: '${{ tasks.b.state }}'}\ntasks:\n  a: {run: x}\n", [("E0402", 4, 25)]),
        ("tasks:\n  a: {http: {url: 'http://x/${{ inputs.m }}'}}\n", [("E0402", 5, 40)]),
        ("tasks:\n  a: {set: {x: '${{ 1 + }}'}}\n", [("E0401", 5, 24)]),
        ("tasks:\n  a: {run: x, if: 'true'}\n", [("W0335", 5, 19)]),
        ("tasks:\n  a: {run: x}\n  b: {run: x, if: tasks.a.state == 'x'}\n", [("E0406", 6, 25)]),
    ],
)
def test_faults_and_their_places(body: str, expected: list[tuple[str, int, int]]) -> None:
    assert codes(body) == expected


def test_a_misspelt_need_is_one_fault_and_not_two() -> None:
    body = "tasks:\n  a: {run: x}\n  b: {needs: [aa], run: x, if: tasks.a.state == 'x'}\n"
    assert [code for code, _, _ in codes(body)] == ["E0312"]


@pytest.mark.parametrize(
    ("first", "second", "warned"),
    [
        ("", "", False),
        ("", "if: always(), ", True),
        ("", "if: '!failure()', ", False),
        ("allow_failure: true, ", "", True),
        ("if: inputs.n > 1, ", "", False),
        ("if: inputs.n > 1, ", "if: '!failure()', ", True),
    ],
)
def test_an_output_that_may_be_absent_is_a_warning(first: str, second: str, warned: bool) -> None:
    body = (
        f"tasks:\n  a: {{run: x, {first}outputs: {{v: integer}}}}\n"
        f"  b: {{needs: [a], {second}run: x, env: {{V: '${{{{ tasks.a.outputs.v }}}}'}}}}\n"
    )
    assert [code for code, _, _ in codes(body)] == (["W0336"] if warned else [])


def test_has_guards_an_output() -> None:
    body = (
        "tasks:\n  a: {run: x, outputs: {v: integer}}\n"
        "  b: {needs: [a], if: always(), run: x,"
        " env: {V: '${{ has(tasks.a.outputs.v) ? tasks.a.outputs.v : 0 }}'}}\n"
    )
    assert codes(body) == []
