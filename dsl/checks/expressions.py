"""Expressions: every one of a document, checked in the scope of the field that it stands in."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from dsl.checks.fan_outs import is_small
from dsl.checks.result_types import result_type
from dsl.checks.subject import Subject, TaskView
from dsl.compile.fan_outs import combinations
from dsl.diagnostics import Fault
from dsl.expressions import (
    Checked,
    Field,
    Scope,
    Shape,
    TaskShape,
    check_condition,
    check_template,
    scope_for,
)
from dsl.expressions.faults import NOT_UPSTREAM
from dsl.expressions.scope import KIND_OUTPUTS, listed, matrix_types
from dsl.syntax import runner_kinds
from dsl.syntax.violations import Path

_BLOCKS: Final = ("container", "http", "heartbeat")
_CONDITIONS: Final[tuple[tuple[Path, Field, str], ...]] = (
    (("if",), Field.TASK_IF, "boolean"),
    (("for_each",), Field.FOR_EACH, "iterable"),
    (("repeat", "until"), Field.REPEAT_UNTIL, "boolean"),
)
_TEMPLATES: Final[tuple[tuple[Path, Field], ...]] = (
    (("env",), Field.TASK_ENV),
    (("set",), Field.SET_VALUE),
    (("wait", "until"), Field.WAIT_UNTIL),
    (("cache", "key"), Field.CACHE_KEY),
    (("approval", "message"), Field.APPROVAL_MESSAGE),
    (("workflow", "inputs"), Field.CHILD_INPUTS),
)
"""Where expressions stand in a task, and what they are there."""

_CONSTANT_HINTS: Final[dict[Path, tuple[str, str]]] = {
    ("if",): ("remove it", "remove the task, or say when it is to run"),
    ("repeat", "until"): ("remove 'repeat'", "say with 'outputs.NAME' when it is done"),
}
"""What to do about a condition that is always true, or always false."""

_FAILED_TOO: Final = re.compile(r"\b(always|cancelled)\s*\(|(?<!!)\bfailure\s*\(|\bskipped\s*\(")
_STATUS: Final = re.compile(r"\b(success|failure|always|cancelled|skipped)\s*\(")


class _Use(NamedTuple):
    """One checked expression and where it stands; `task` is None in the workflow's own fields."""

    path: Path
    checked: Checked
    task: TaskView | None


def expressions(subject: Subject) -> Iterator[Fault]:
    """Find what is wrong inside expressions, conditions that are constant, and outputs that may be absent."""
    shape = _shape(subject)
    views = {task.id: task for task in subject.tasks}
    for use in _uses(subject, shape):
        if use.checked.faults and subject.is_doubtful(use.path):
            continue
        for fault in use.checked.faults:
            if fault.code == NOT_UPSTREAM and use.task is not None and not set(use.task.needs) <= set(views):
                continue  # its needs have a fault of their own: this one follows from it
            yield subject.inside(fault.code, fault.message, use.path, (fault.offset, fault.length), fault.hint)
        yield from result_type(subject, use.path, use.checked.type)
        yield from _maybe_absent(subject, use, views, shape)
    yield from _constant(subject)


def _shape(subject: Subject) -> Shape:
    return Shape(
        inputs={name: spec.get("type", "dyn") for name, spec in subject.inputs.items()},
        tasks={task.id: _task_shape(task) for task in subject.tasks},
        env=frozenset(subject.value.get("env", ())),
        task_env={task.id: frozenset(task.block.get("env", ())) for task in subject.tasks},
    )


def _task_shape(task: TaskView) -> TaskShape:
    own, block = _outputs(task.block), task.block
    matrix = matrix_types(combinations(block["matrix"])) if is_small(block.get("matrix")) else None
    each = "for_each" in block
    outputs = listed(own) if each or "matrix" in block else own
    return TaskShape(outputs, task.needs, task.stage, own, {} if matrix is None and "matrix" in block else matrix, each)


def _outputs(block: dict[str, Any]) -> dict[str, str]:
    given: dict[str, str] = {}
    for kind, outputs in KIND_OUTPUTS.items():
        if kind in block:
            given |= outputs
    return {**given, **dict.fromkeys(block.get("set", ()), "dyn"), **block.get("outputs", {})}


def _uses(subject: Subject, shape: Shape) -> Iterator[_Use]:
    for path, value, field in _workflow_fields(subject):
        if value is None:
            continue
        yield from _templates(path, value, scope_for(shape, field), None)
    for name, trigger in subject.triggers.items():
        if "inputs" in trigger:
            scope = scope_for(shape, Field.TRIGGER_INPUTS, firing=_kind(trigger))
            yield from _templates(("triggers", name, "inputs"), trigger["inputs"], scope, None)
        if "if" in trigger:
            scope = scope_for(shape, Field.TRIGGER_IF, firing=_kind(trigger))
            yield _Use(("triggers", name, "if"), check_condition(trigger["if"], scope), None)
    for task in subject.tasks:
        yield from _of_task(task, shape)


def _kind(trigger: dict[str, Any]) -> str | None:
    return next((kind for kind in ("cron", "every", "webhook", "workflow") if kind in trigger), None)


def _workflow_fields(subject: Subject) -> Iterator[tuple[Path, Any, Field]]:
    value = subject.value
    yield ("env",), value.get("env"), Field.WORKFLOW_ENV
    yield ("outputs",), value.get("outputs"), Field.WORKFLOW_OUTPUT
    yield ("concurrency", "key"), value.get("concurrency", {}).get("key"), Field.CONCURRENCY_KEY
    for name, spec in subject.inputs.items():
        yield ("inputs", name, "default"), spec.get("default"), Field.INPUT_DEFAULT
    for number, notification in enumerate(value.get("notify", ())):
        yield ("notify", number, "webhook"), notification.get("webhook"), Field.NOTIFY


def _of_task(task: TaskView, shape: Shape) -> Iterator[_Use]:
    block = task.block
    for path, field, expect in _CONDITIONS:
        text = _dig(block, path) if path[0] in block else None
        if isinstance(text, str):
            yield _Use((*task.path, *path), check_condition(text, scope_for(shape, field, task.id), expect), task)
    for path, field in _TEMPLATES:
        if path[0] in block:
            yield from _templates((*task.path, *path), _dig(block, path), scope_for(shape, field, task.id), task)
    for kind in (*_BLOCKS, *runner_kinds().schemas):
        if isinstance(block.get(kind), dict):
            yield from _block((*task.path, kind), block[kind], shape, task)


def _dig(block: Any, path: Path) -> Any:
    for step in path:
        block = block.get(step) if isinstance(block, dict) else None
    return block


def _block(path: Path, block: dict[str, Any], shape: Shape, task: TaskView) -> Iterator[_Use]:
    expect = block.get("expect") if path[-1] in _BLOCKS else None
    if isinstance(expect, dict) and isinstance(expect.get("json"), str):
        scope = scope_for(shape, Field.EXPECT_JSON)
        yield _Use((*path, "expect", "json"), check_condition(expect["json"], scope), task)
        block = {**block, "expect": {key: item for key, item in expect.items() if key != "json"}}
    yield from _templates(path, block, scope_for(shape, Field.TASK_SPEC, task.id), task)


def _templates(path: Path, value: Any, scope: Scope, task: TaskView | None) -> Iterator[_Use]:
    match value:
        case str() if "${{" in value:
            yield _Use(path, check_template(value, scope), task)
        case dict():
            for key, item in value.items():
                yield from _templates((*path, key), item, scope, task)
        case list():
            for number, item in enumerate(value):
                yield from _templates((*path, number), item, scope, task)


def _constant(subject: Subject) -> Iterator[Fault]:
    """A condition without a name or a status function says the same each time."""
    for task in subject.tasks:
        for path, (when_true, when_false) in _CONSTANT_HINTS.items():
            text = _dig(task.block, path) if path[0] in task.block else None
            if isinstance(text, str) and text.strip() in {"true", "false"}:
                hint = when_true if text.strip() == "true" else when_false
                yield subject.at_value("W0335", f"this condition is always {text.strip()}", (*task.path, *path), hint)


def _maybe_absent(subject: Subject, use: _Use, views: dict[str, TaskView], shape: Shape) -> Iterator[Fault]:
    """An output of a task that may not have succeeded when it is looked at."""
    if use.checked.faults:
        return
    for name in sorted(use.checked.names):
        root, _, rest = name.partition(".")
        other = views.get(rest.partition(".")[0]) if root == "tasks" and ".outputs." in name else None
        if other is None or f"has:{name}" in use.checked.names:
            continue
        if _may_have_failed(other, use.task) or _may_have_been_skipped(other, use.task, views, shape):
            message = f"'{name}' has no value when task '{other.id}' did not succeed"
            yield subject.at_value("W0336", message, use.path, f"guard it: has({name}) ? {name} : …")


def _may_have_failed(other: TaskView, task: TaskView | None) -> bool:
    condition = "" if task is None else str(task.block.get("if", ""))
    return bool(other.block.get("allow_failure")) or _FAILED_TOO.search(condition) is not None


def _may_have_been_skipped(other: TaskView, task: TaskView | None, views: dict[str, TaskView], shape: Shape) -> bool:
    """A task that needs it directly, and runs only on success, never sees it skipped."""
    sure = task is not None and other.id in task.needs and not _STATUS.search(str(task.block.get("if", "")))
    if sure:
        return False
    return "if" in other.block or any(
        "if" in view.block and shape.upstream(other.id, view.id) for view in views.values()
    )
