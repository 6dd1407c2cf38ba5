"""Codes of expressions."""

from typing import Final

from dsl.codes.entry import Code, workflow


def _if(expression: str, *, before: str = "") -> str:
    return workflow(
        f"inputs: {{rows: {{type: integer, default: 1}}}}\ntasks:\n{before}  a: {{run: x, if: {expression}}}\n"
    )


def _env(text: str) -> str:
    return workflow(
        f"inputs: {{rows: {{type: integer, default: 1}}}}\ntasks:\n  a: {{run: x, env: {{ROWS: '{text}'}}}}\n"
    )


_GOOD: Final = _if("inputs.rows > 0")

EXPRESSIONS: Final = (
    Code(
        "E0401",
        "not a valid expression",
        "The text is not CEL.",
        _if("inputs.rows >"),
        4,
        31,
        _GOOD,
    ),
    Code(
        "E0402",
        "unknown name",
        "There is no such input, task, output or variable.",
        _if("inputs.row > 0"),
        4,
        26,
        _GOOD,
    ),
    Code(
        "E0403",
        "not known here",
        "The field is evaluated before, or elsewhere than, that context exists.",
        workflow("env: {STATE: '${{ tasks.a.state }}'}\ntasks:\n  a: {run: x}\n"),
        2,
        19,
        workflow("env: {RUN: '${{ run.id }}'}\ntasks:\n  a: {run: x}\n"),
    ),
    Code(
        "E0404",
        "unknown function",
        "There is no such function, or not in this field.",
        _if("sizes(inputs.rows) > 0"),
        4,
        19,
        _if("size(string(inputs.rows)) > 0"),
    ),
    Code(
        "E0405",
        "types do not fit",
        "An operator or function does not take values of these types. Nothing is converted silently.",
        _if("inputs.rows > 'many'"),
        4,
        31,
        _GOOD,
    ),
    Code(
        "E0406",
        "task that is not upstream",
        "A task's state and outputs are known to those that need it, directly or through others.",
        _if("tasks.b.state == 'failed'", before="  b: {run: x}\n"),
        5,
        25,
        workflow("tasks:\n  b: {run: x}\n  a: {needs: [b], run: x, if: tasks.b.state == 'failed'}\n"),
    ),
    Code(
        "E0407",
        "condition in braces",
        "Conditions are expressions as they stand; `${{ }}` is for text with expressions in it.",
        _if('"${{ inputs.rows > 0 }}"'),
        4,
        20,
        _GOOD,
    ),
    Code(
        "E0408",
        "expression not closed",
        "`${{` has no `}}`. A literal `${{` is written `$${{`.",
        _env("${{ inputs.rows"),
        4,
        28,
        _env("${{ inputs.rows }}"),
    ),
    Code(
        "E0409",
        "wrong kind of result",
        "A condition gives true or false, and an optional value is not a value yet.",
        _if("inputs.rows + 1"),
        4,
        19,
        _GOOD,
    ),
    Code(
        "E0410",
        "expression too large",
        "Expressions are bounded in length and nesting.",
        _if("(" * 40 + "inputs.rows > 0" + ")" * 40),
        4,
        19,
        _GOOD,
        "if: ((((…))))          # nested too deep",
    ),
)
