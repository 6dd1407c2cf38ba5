"""An input that nothing uses may be left out; one that something uses must come from somewhere."""

import pytest

from dsl.loader import load_text

HEAD = "name: w\ninputs: {limits: {type: object}}\ntriggers: {often: {every: 1h}}\n"


def test_an_input_that_nothing_uses_is_no_triggers_business() -> None:
    loaded = load_text(f"{HEAD}tasks: {{a: {{run: x}}}}\n", "w.yaml")
    assert loaded.diagnostics == ()
    assert not loaded.workflows[0].workflow.inputs["limits"].required


@pytest.mark.parametrize(
    "body",
    [
        'env: {L: "${{ inputs.limits.rows }}"}\ntasks: {a: {run: x}}\n',
        "tasks: {a: {run: x, if: inputs.limits.rows > 1}}\n",
        "tasks: {a: {run: x}, b: {needs: [a], for_each: inputs.limits.all, run: x}}\n",
        "tasks: {a: {http: {url: 'https://example.org/${{ inputs.limits.rows }}'}}}\n",
        "tasks: {a: {run: x}}\nfinally: {z: {run: x, env: {L: '${{ inputs.limits.rows }}'}}}\n",
    ],
)
def test_one_that_is_used_anywhere_is_required(body: str) -> None:
    assert [item.code for item in load_text(HEAD + body, "w.yaml").diagnostics] == ["E0216"]
    given = HEAD.replace("{every: 1h}", "{every: 1h, inputs: {limits: {}}}") + body
    loaded = load_text(given, "w.yaml")
    assert loaded.diagnostics == ()
    assert loaded.workflows[0].workflow.inputs["limits"].required
