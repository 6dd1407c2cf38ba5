"""A task's fingerprint: whether what it gave is still what it would give.

It has two halves of 32 hexadecimal digits: a digest of the task's compiled definition (without its line, description
and labels), and one of the values that its expressions name: inputs of the workflow, outputs and states of tasks
upstream. What differs in every run (`run`, `workflow`, `trigger`) and what is never kept (`secrets`) is left out.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from dsl.expressions import ABSENT, Evaluator, Field
from dsl.model import ENGINE_KINDS, Task, Template, Workflow
from engine.machine.context import task_lookup
from engine.machine.execution import Execution
from engine.machine.graph import Graph

HALF: Final = 32
HAS: Final = "has:"
FINGERPRINTED: Final = ("inputs.", "tasks.")
"""The contexts whose values count."""

_canonical: Final = msgspec.json.Encoder(order="sorted")
_FIELDS: Final = {
    "set": (Field.SET_VALUE, "values"),
    "wait": (Field.WAIT_UNTIL, "until"),
    "approval": (Field.APPROVAL_MESSAGE, "message"),
    "workflow": (Field.CHILD_INPUTS, "inputs"),
}
"""Of the kinds that the engine carries out: what holds expressions, and how they are read."""


@dataclass(frozen=True, slots=True)
class TaskPrint:
    """What a revision has of a task's fingerprint: the first half, and the names whose values make the second."""

    definition: str
    names: tuple[str, ...]


def fingerprint(execution: Execution, task: Task) -> str:
    """Return the fingerprint of a task whose needs have all ended."""
    known = task_print(execution.graph, task)
    return known.definition + (_digest(values_of(execution, task, known.names)) if known.names else _NOTHING)


def task_print(graph: Graph, task: Task) -> TaskPrint:
    """Return the part that does not change from run to run, worked out once a revision."""
    known = graph.prints.get(task.id)
    if known is None:
        names = set(_names(graph.evaluator, graph.workflow, task))
        used = tuple(sorted(name for name in names if name.removeprefix(HAS).startswith(FINGERPRINTED)))
        known = graph.prints[task.id] = TaskPrint(_digest(definition(graph.workflow, task)), used)
    return known


def definition(workflow: Workflow, task: Task) -> dict[str, Any]:
    """Return what of a file makes the task what it is, by field; the workflow's environment for one that has it."""
    found: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(task, line=0, description="", labels={}))
    if task.kind not in ENGINE_KINDS and workflow.env:
        found["env"] = {**workflow.env, **task.env}
    return found


def values_of(execution: Execution, task: Task, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of these names as the task sees them; what has none is left out.

    Of a name that is only asked for (`has:…`) it counts whether it has a value, not which.
    """
    lookup = task_lookup(execution, task)
    values = {name: lookup(name.removeprefix(HAS)) for name in names}
    return {name: True if name.startswith(HAS) else value for name, value in values.items() if value is not ABSENT}


def _names(evaluator: Evaluator, workflow: Workflow, task: Task) -> Iterator[str]:
    for field, text in _conditions(task):
        yield from evaluator.names(field, text, task.id, bare=True)
    for field, template in _templates(workflow, task):
        yield from evaluator.names(field, template, task.id)


def _conditions(task: Task) -> Iterator[tuple[Field, str]]:
    if task.condition is not None:
        yield Field.TASK_IF, task.condition
    if task.fan_out is not None and task.fan_out.for_each is not None:
        yield Field.FOR_EACH, task.fan_out.for_each
    if task.repeat is not None:
        yield Field.REPEAT_UNTIL, task.repeat.until


def _templates(workflow: Workflow, task: Task) -> Iterator[tuple[Field, Template]]:
    yield Field.TASK_ENV, task.env
    if task.cache is not None:
        yield Field.CACHE_KEY, task.cache.key
    if task.kind in _FIELDS:
        field, key = _FIELDS[task.kind]
        yield field, task.spec.get(key)
        return
    yield Field.WORKFLOW_ENV, workflow.env
    yield Field.TASK_SPEC, task.spec


def _digest(value: Any) -> str:
    return hashlib.sha256(_canonical.encode(_plain(value))).hexdigest()[:HALF]


def _plain(value: Any) -> Any:
    """Return a JSON value with whole numbers as integers: PostgreSQL gives some floats back as such."""
    match value:
        case bool():
            return value
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value


_NOTHING: Final = _digest({})
