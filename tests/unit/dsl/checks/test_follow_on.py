"""One cause is one diagnostic: what follows from a misshapen part is not told."""

import pytest

from dsl.loader import load_text

USES = "  b: {needs: [a], run: x, env: {V: '${{ inputs.n }}', W: '${{ tasks.a.outputs.v }}'}}\n"
INPUTS = "inputs: {n: {type: integer, default: 1}}\n"
TRIGGERS = "triggers: {t: {every: 1h, inputs: {n: 2}}}\n"
TASK = "  a: {run: x, outputs: {v: string}}\n"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (INPUTS, "inputs: 5\n", "E0103"),
        (INPUTS, "inputs: {n: integer}\n", "E0103"),
        (INPUTS, "inputs: {n: {default: 1}}\n", "E0102"),
        (INPUTS, "inputs: {n: {type: int, default: 1}}\n", "E0104"),
        (TASK, "  a: echo\n", "E0103"),
        (TASK, "  a: {outputs: {v: string}}\n", "E0301"),
        (TASK, "  a: {rnu: x}\n", "E0303"),
        (TASK, "  a: {run: x, outputs: {v: text}}\n", "E0104"),
        (TASK, "  a: {run: x, http: {url: 'http://x'}, outputs: {v: string}}\n", "E0302"),
    ],
)
def test_a_misshapen_part_is_told_once(old: str, new: str, code: str) -> None:
    text = f"name: w\n{INPUTS}{TRIGGERS}tasks:\n{TASK}{USES}"
    assert load_text(text, "w.yaml").diagnostics == ()
    assert [item.code for item in load_text(text.replace(old, new), "w.yaml").diagnostics] == [code]
