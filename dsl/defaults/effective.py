"""Every effective value of a workflow or a task, and where it comes from.

The order: the task's own, the workflow's, the defaults files from near to far, what is built in.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from dsl.checks.subject import Subject, TaskView
from dsl.defaults.layer import Layer
from dsl.defaults.layered import MERGED, Layered
from dsl.model import DEFAULT_NAMESPACE
from dsl.yaml import Document
from dsl.yaml.document import Path

BUILT_IN: Final = "built in"
_ELSEWHERE: Final = frozenset({"tasks", "on_failure", "on_success", "finally"})
"""Fields of a workflow that hold tasks: each is explained by itself."""
_OF_TASK: Final[dict[str, Any]] = {
    "allow_failure": False,
    "grace": "10s",
    "if": "success()",
    "pool": "default",
    "priority": "normal",
    "retry": {"max_attempts": 1},
    "timeout": None,
}
"""What is built in for a task that nobody gives a value; a timeout of nothing is none."""


class Effective(msgspec.Struct, frozen=True):
    """One value. `field` is dotted; `file` is `built in` where no file gives it. `line` counts from 1."""

    field: str
    value: Any
    file: str
    line: int | None


class Explained(msgspec.Struct, frozen=True):
    """The values of a workflow (`task` is None), or of one of its tasks with what it has from the workflow."""

    workflow: str
    task: str | None
    values: tuple[Effective, ...]


class _Places:
    """Where the values of one document stand."""

    def __init__(self, document: Document, file: str) -> None:
        self._document = document
        self._file = file

    def value(self, field: str, value: Any, path: Path) -> Effective:
        """Return the value that stands at `path`."""
        file = self._document.file_of(path) or self._file
        return Effective(field, value, file, self._document.key_span(path).line)


def explain(document: Document, layers: Sequence[Layer], file: str) -> list[Explained]:
    """Return the values of a workflow and then of each of its tasks. The document has no errors."""
    whole = Layered(document, document.value, layers)
    places = _Places(whole, file)
    name = str(whole.value["name"])
    tasks = Subject(whole, whole.value).tasks
    return [
        Explained(name, None, tuple(_of_workflow(whole.value, places))),
        *(Explained(name, task.id, tuple(_of_task(task, whole.value, places))) for task in tasks),
    ]


def _of_workflow(value: dict[str, Any], places: _Places) -> Iterator[Effective]:
    for field, item in value.items():
        if field in MERGED:
            yield from (places.value(f"{field}.{key}", each, (field, key)) for key, each in item.items())
        elif field not in _ELSEWHERE:
            yield places.value(field, item, (field,))
    if "namespace" not in value:
        yield Effective("namespace", DEFAULT_NAMESPACE, BUILT_IN, None)


def _of_task(task: TaskView, workflow: dict[str, Any], places: _Places) -> Iterator[Effective]:
    block = task.block
    for field, item in block.items():
        if field == "env":
            yield from (places.value(f"env.{key}", each, (*task.path, "env", key)) for key, each in item.items())
        elif field != "id":
            yield places.value(field, item, (*task.path, field))
    for key, item in workflow.get("env", {}).items():
        if key not in block.get("env", ()):
            yield places.value(f"env.{key}", item, ("env", key))
    defaults = workflow.get("defaults", {})
    for field, item in defaults.items():
        if field not in block:
            yield places.value(field, item, ("defaults", field))
    for field, item in _OF_TASK.items():
        if field not in block and field not in defaults:
            yield Effective(field, item, BUILT_IN, None)
