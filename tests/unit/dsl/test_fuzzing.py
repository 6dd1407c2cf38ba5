"""Anything at all for a workflow: diagnostics inside the file, or a workflow that survives its encoding; nothing else.

Documents are drawn from the language's own words, so that they get past the schema often enough to reach the checks
and the compiler; expressions from the pieces of expressions.
"""

import json
from contextlib import suppress
from functools import reduce
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.diagnostics import has_errors
from dsl.expressions import Evaluator, ExpressionError, Field, Shape, TaskShape, check_condition, check_template
from dsl.expressions.contexts import scope_for
from dsl.loader import load_text
from dsl.model import Task, Workflow, decode, encode
from schemas import load

SCHEMA = load("workflow")
FEW = settings(max_examples=60, deadline=None)
WORDS = ["a", "b", "x", "s", "n", "K", "w", "1h", "0s", "my-id", "tasks.a.state == 'x'", "inputs.n", "always()", "item"]
TEMPLATES = ["${{ inputs.n }}", "${{ matrix.s }}", "${{ secrets.K }}", "${{ tasks.a.outputs.r }}", "${{", "${{ item }"]
PIECES = [
    *("inputs.n", "inputs", "tasks.a.outputs.r", "tasks.b.state", "tasks", "matrix.s", "item", "index", "run.state"),
    *("trigger.run.id", "trigger.body", "secrets.K", "env.A", "outputs.r", "response.status", "has(", "size(", "x"),
    *("always()", "success(", ")", "(", "[", "]", "{", "}", "'", '"', "+", "==", "&&", "||", "!", "?", ":", ".", ","),
    *(
        "1",
        "1.5",
        "true",
        "null",
        "in",
        ".map(x, x",
        ".all(",
        "\n",
        "//",
        "\\",
        "`",
        "${{",
        "}}",
        "_i0",
        "\0",
        "é",
        "😀",
    ),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([*WORDS, *TEMPLATES]),
    st.text(max_size=6),
)


def named(name: str) -> Any:
    return reduce(lambda schema, step: schema[step], name.split("/"), SCHEMA["$defs"])


def following(schema: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    """Values that mostly have the shape that a schema asks for."""
    if "$ref" in schema:
        return st.deferred(lambda: following(named(schema["$ref"].removeprefix("#/$defs/")), depth))
    if depth <= 0:
        return SCALARS
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([following(branch, depth) for branch in schema["anyOf"]])
    match schema.get("type"):
        case "object":
            return _maps(schema, depth)
        case "array":
            return st.lists(following(schema.get("items", {}), depth - 1), max_size=2)
        case "integer":
            return st.integers(0, 3)
        case "boolean":
            return st.booleans()
        case "string":
            return st.sampled_from([*schema.get("examples", ()), *WORDS, *TEMPLATES])
        case _:
            return SCALARS


def _maps(schema: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    fields = {name: following(field, depth - 1) for name, field in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties", True)
    if not fields:
        values = following(more, depth - 1) if isinstance(more, dict) else SCALARS
        return st.dictionaries(st.sampled_from(["a", "b", "s", "K"]), values, max_size=2)
    needed = {name: fields.pop(name) for name in schema.get("required", ()) if name in fields}
    if not fields:
        return st.fixed_dictionaries(needed)
    return st.builds(
        lambda given, chosen: {**given, **chosen},
        st.fixed_dictionaries(needed),
        st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True).flatmap(
            lambda names: st.fixed_dictionaries({name: fields[name] for name in names})
        ),
    )


TASK = st.builds(
    lambda kind, rest: {**kind, **rest},
    st.sampled_from([{"run": "x"}, {"set": {"v": "${{ inputs.n }}"}}, {"wait": "1m"}, {"workflow": {"name": "w"}}]),
    following({**named("task"), "properties": dict(list(named("task")["properties"].items())[9:])}, 3),
)
TASKS = st.one_of(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), TASK, min_size=1, max_size=3),
    st.lists(TASK.map(lambda task: {"id": "a", **task}), min_size=1, max_size=2),
)
DOCUMENTS = st.builds(
    lambda rest, tasks: {"name": "w", "inputs": {"n": {"type": "integer", "default": 1}}, **rest, **tasks},
    following(
        {**SCHEMA, "properties": {k: v for k, v in SCHEMA["properties"].items() if k not in {"name", "tasks"}}}, 4
    ),
    st.fixed_dictionaries({"tasks": TASKS}, optional={"finally": TASKS, "on_failure": TASKS}),
)


@FEW
@given(DOCUMENTS)
def test_no_document_raises(document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=1)
    result = load_text(text, "w.yaml")
    lines = text.splitlines()
    assert has_errors(result.diagnostics) != bool(result.workflows)
    for item in result.diagnostics:
        assert 1 <= item.line <= item.end_line <= len(lines) + 1
        assert (item.line, item.column) < (item.end_line, item.end_column)
    for loaded in result.workflows:
        assert decode(encode(loaded.workflow)) == loaded.workflow
        assert Shape.of(loaded.workflow).tasks


@FEW
@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner)))
def test_no_json_at_all_raises(value: Any) -> None:
    load_text(json.dumps(value), "w.yaml")
    load_text(json.dumps({"name": "w", "tasks": value}), "w.yaml")
    load_text(json.dumps({"name": "w", "tasks": {"a": value}, "finally": value, "notify": value}), "w.yaml")


SHAPE = Shape(
    inputs={"n": "integer"},
    tasks={
        "a": TaskShape({"r": "integer"}, own={"r": "integer"}, matrix={"s": "integer"}),
        "b": TaskShape({"r": "array"}, ("a",), each=True),
    },
    env=frozenset({"A"}),
)
WORKFLOW = Workflow(name="w", tasks={"a": Task(id="a", kind="run", spec={}), "b": Task(id="b", kind="run", spec={})})
EXPRESSIONS = st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join) | st.text(max_size=20)


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, st.sampled_from(Field), st.sampled_from(["a", "b", None]))
def test_no_expression_raises_when_checked_and_faults_lie_inside(text: str, field: Field, task_id: str | None) -> None:
    scope = scope_for(SHAPE, field, task_id)
    for checked in (
        check_condition(text, scope),
        check_template(f"v ${{{{ {text} }}}}", scope),
        check_template(text, scope),
    ):
        assert checked.faults or checked.type is not None
        for fault in checked.faults:
            assert fault.offset >= 0
            assert fault.length >= 0
            assert fault.message


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, st.sampled_from(Field), SCALARS)
def test_no_expression_raises_anything_but_its_own_error_when_evaluated(text: str, field: Field, value: Any) -> None:
    evaluator = Evaluator(WORKFLOW)
    for evaluate in (evaluator.value, evaluator.resolve, evaluator.condition):
        with suppress(ExpressionError):
            evaluate(field, text, lambda _: value, "a")
