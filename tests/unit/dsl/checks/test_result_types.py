"""What expressions give must be of the type declared for it."""

import pytest

from dsl.loader import load_text

HEAD = "name: w\ninputs:\n  n: {type: integer, default: 1}\n"
TASKS = "tasks:\n  a: {run: x}\n"


def found(text: str) -> list[tuple[str, int, int]]:
    return [(item.code, item.line, item.column) for item in load_text(text, "w.yaml").diagnostics]


@pytest.mark.parametrize(
    ("kind", "expression", "fits"),
    [
        ("string", "${{ workflow.name }}", True),
        ("integer", "${{ workflow.name }}", False),
        ("number", "${{ 1 + 1 }}", True),
        ("integer", "${{ 1 + 1 }}", True),
        ("integer", "${{ 1 + 1 }} of it", False),
        ("boolean", "${{ 1 > 2 }}", True),
        ("boolean", "${{ 1 }}", False),
        ("date", "${{ workflow.name }}", True),
        ("datetime", "${{ trigger.scheduled_at }}", True),
        ("string", "${{ trigger.scheduled_at }}", True),
        ("array", "${{ [1, 2] }}", True),
        ("object", "${{ [1, 2] }}", False),
        ("object", "${{ trigger.body }}", True),
    ],
)
def test_a_default_is_of_its_inputs_type(kind: str, expression: str, fits: bool) -> None:
    text = f"{HEAD}  v: {{type: {kind}, default: '{expression}'}}\n{TASKS}"
    column = text.splitlines()[3].index("'") + 1
    assert found(text) == ([] if fits else [("E0203", 4, column)])


def test_a_triggers_inputs_are_of_their_types() -> None:
    text = f"{HEAD}triggers:\n  t: {{every: 1h, inputs: {{n: '${{{{ workflow.name }}}}'}}}}\n{TASKS}"
    assert found(text) == [("E0215", 5, 30)]


def test_set_values_are_of_the_types_declared_for_them() -> None:
    text = HEAD + "tasks:\n- {id: a, set: {v: '${{ inputs.n }}'}, outputs: {v: string}}\n"
    assert found(text) == [("E0409", 5, 20)]
    assert found(text.replace("v: string", "v: number")) == []
