"""What a workflow says about others: the children that its tasks start, the workflows whose ends it waits for."""

from collections.abc import Iterator
from typing import Any

import msgspec

from dsl.checks.inputs import has_expression
from dsl.checks.subject import Subject, TaskView
from dsl.compile.tasks import whole_name
from dsl.diagnostics import Span
from dsl.expressions import Field, Shape, check_template, scope_for
from dsl.model import Workflow
from dsl.syntax.violations import Path
from dsl.yaml import Document


class Given(msgspec.Struct, frozen=True):
    """One input that a child is given. `type` is that of the expression, in the language's words, where it is one."""

    name: str
    value: Any
    type: str | None
    key: Span
    place: Span


class Child(msgspec.Struct, frozen=True):
    """A task that starts another workflow. `place` is that of its name, `block` that of the key `workflow`."""

    task: str
    target: str
    place: Span
    block: Span
    inputs: tuple[Given, ...] = ()


class Upstream(msgspec.Struct, frozen=True):
    """A trigger that fires when a run of another workflow ends. `place` is that of its name."""

    trigger: str
    target: str
    place: Span


class References(msgspec.Struct, frozen=True):
    """All that one workflow says about others; targets are whole names (`namespace/name`).

    `moved` is the place of the former name.
    """

    children: tuple[Child, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    moved: Span | None = None


def references(document: Document, workflow: Workflow) -> References:
    """Return what a document without faults says about others, with the places."""
    subject = Subject(document, document.value)
    callers = [task for task in subject.tasks if "workflow" in task.block]
    shape = Shape.of(workflow) if any(has_expression(task.block["workflow"]) for task in callers) else None
    return References(
        tuple(_child(document, task, workflow.namespace, shape) for task in callers),
        tuple(_upstreams(document, subject, workflow.namespace)),
        document.value_span(("moved", "from")) if "moved" in document.value else None,
    )


def _child(document: Document, task: TaskView, namespace: str, shape: Shape | None) -> Child:
    block, path = task.block["workflow"], (*task.path, "workflow")
    return Child(
        task.id,
        whole_name(block["name"], namespace),
        document.value_span((*path, "name")),
        document.key_span(path),
        tuple(
            _given(document, (*path, "inputs", name), value, shape, task.id)
            for name, value in block.get("inputs", {}).items()
        ),
    )


def _given(document: Document, path: Path, value: Any, shape: Shape | None, task: str) -> Given:
    kind = None
    if shape is not None and isinstance(value, str) and "${{" in value:
        kind = check_template(value, scope_for(shape, Field.CHILD_INPUTS, task)).type
    return Given(str(path[-1]), value, kind, document.key_span(path), document.value_span(path))


def _upstreams(document: Document, subject: Subject, namespace: str) -> Iterator[Upstream]:
    for name, trigger in subject.triggers.items():
        if "workflow" in trigger:
            target = whole_name(trigger["workflow"]["name"], namespace)
            yield Upstream(name, target, document.value_span(("triggers", name, "workflow", "name")))
