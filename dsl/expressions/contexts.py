"""What expressions may name: the contexts, and which of them a field may use.

A field's contexts follow from when it is evaluated: a trigger's inputs before there is a run, a task's environment when
its attempt is granted, a workflow's outputs when all tasks have ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dsl.expressions.scope import Scope, Shape, TaskShape
from dsl.stages import MAIN

__all__ = ["FIELDS", "Field", "FieldRule", "Shape", "TaskShape", "scope_for"]


class Field(StrEnum):
    """Where an expression stands."""

    INPUT_DEFAULT = "input default"
    TRIGGER_IF = "trigger condition"
    TRIGGER_INPUTS = "trigger inputs"
    WORKFLOW_ENV = "workflow env"
    CONCURRENCY_KEY = "concurrency key"
    TASK_IF = "task condition"
    TASK_ENV = "task env"
    TASK_SPEC = "task field"
    SET_VALUE = "set value"
    WAIT_UNTIL = "wait until"
    FOR_EACH = "for_each"
    CACHE_KEY = "cache key"
    REPEAT_UNTIL = "repeat until"
    APPROVAL_MESSAGE = "approval message"
    CHILD_INPUTS = "child inputs"
    EXPECT_JSON = "expected json"
    WORKFLOW_OUTPUT = "workflow output"
    NOTIFY = "notification"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """When a field is evaluated and what it may name then."""

    when: str
    contexts: frozenset[str]
    status: bool = False
    ended: bool = False
    """Whether the run's outcome is known by then."""


_BEFORE: Final = frozenset({"trigger", "workflow"})
_RUN: Final = frozenset({"inputs", "run", "workflow", "trigger"})
_TASK: Final = _RUN | {"tasks"}
_ITEM: Final = _TASK | {"matrix", "item", "index"}
_ATTEMPT: Final = _ITEM | {"secrets"}

FIELDS: Final[Mapping[Field, FieldRule]] = {
    Field.INPUT_DEFAULT: FieldRule("when a run is asked for", _BEFORE),
    Field.TRIGGER_IF: FieldRule("when the trigger fires", _BEFORE),
    Field.TRIGGER_INPUTS: FieldRule("when the trigger fires", _BEFORE),
    Field.CONCURRENCY_KEY: FieldRule("when the run is created", _BEFORE | {"inputs"}),
    Field.WORKFLOW_ENV: FieldRule("when the run starts", _RUN | {"secrets"}),
    Field.TASK_IF: FieldRule("when all that the task needs has ended", _TASK, status=True),
    Field.TASK_ENV: FieldRule("when the attempt is granted", _ATTEMPT),
    Field.TASK_SPEC: FieldRule("when the attempt is granted", _ATTEMPT | {"env"}),
    Field.SET_VALUE: FieldRule("when the task starts", _ITEM),
    Field.WAIT_UNTIL: FieldRule("when the task starts", _ITEM),
    Field.FOR_EACH: FieldRule("when all that the task needs has ended", _TASK),
    Field.CACHE_KEY: FieldRule("when the task starts", _ITEM),
    Field.REPEAT_UNTIL: FieldRule("when an attempt has succeeded", _ITEM | {"outputs"}),
    Field.APPROVAL_MESSAGE: FieldRule("when the task starts", _ITEM),
    Field.CHILD_INPUTS: FieldRule("when the task starts", _ITEM),
    Field.EXPECT_JSON: FieldRule("when the response is there", frozenset({"response"})),
    Field.WORKFLOW_OUTPUT: FieldRule("when all tasks have ended", _TASK),
    Field.NOTIFY: FieldRule("when the run has ended", _TASK | {"secrets"}, ended=True),
}


def scope_for(shape: Shape, field: Field, task_id: str | None = None, firing: str | None = None) -> Scope:
    """Return what an expression in that field (of that task) may name.

    `firing` is the kind of the trigger in whose field it stands: one of another kind says other things.
    """
    rule = FIELDS[field]
    task = shape.tasks.get(task_id or "")
    ended = rule.ended or (task is not None and task.stage != MAIN)
    return Scope(shape, rule.contexts, rule.when, rule.status, task_id, ended, firing)
