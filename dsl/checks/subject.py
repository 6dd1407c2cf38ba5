"""What a check looks at: one document without its misshapen parts, and the place of everything in it."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from dsl.checks.doubt import doubtful_names
from dsl.diagnostics import Fault
from dsl.stages import MAIN, STAGES
from dsl.syntax.violations import Path
from dsl.yaml import Document


class TaskView(NamedTuple):
    """One task as written, wherever it stands. `needs` includes the one before it in a sequence.

    `stage` is the key under which it stands: `tasks`, or one of the hooks.
    """

    id: str
    path: Path
    block: dict[str, Any]
    needs: tuple[str, ...]
    stage: str = MAIN


class Subject:
    """A document under check. `value` fits the schema but for fields that may be missing.

    `violated` are the paths at which the schema found faults.
    """

    def __init__(self, document: Document, value: dict[str, Any], violated: Iterable[Path] = ()) -> None:
        self.value = value
        self.doubtful = doubtful_names(violated)
        self._document = document

    @property
    def text(self) -> str:
        """The text of the whole file."""
        return self._document.source.text

    def is_doubtful(self, path: Path) -> bool:
        """Whether the text at `path` names something whose own place has a fault."""
        text: Any = self.value if self.doubtful else ""
        for step in path if self.doubtful else ():
            text = text[step]
        return any(name in text for name in self.doubtful)

    @cached_property
    def tasks(self) -> list[TaskView]:
        """The tasks of every stage in the order of the language, those without an id left out."""
        return [task for stage in STAGES for task in self.stage(stage)]

    def stage(self, name: str) -> list[TaskView]:
        """The tasks under one key, in the order of the file."""
        tasks = self.value.get(name, {})
        if isinstance(tasks, dict):
            views = ((key, block, tuple(block.get("needs", ()))) for key, block in tasks.items())
            return [TaskView(key, (name, key), block, needs, name) for key, block, needs in views]
        return self._steps(name, tasks)

    def _steps(self, stage: str, steps: list[dict[str, Any]]) -> list[TaskView]:
        views: list[TaskView] = []
        before: tuple[str, ...] = ()
        for number, block in enumerate(steps):
            if "id" in block:
                views.append(TaskView(block["id"], (stage, number), block, before, stage))
                before = (block["id"],)
        return views

    def declared_secrets(self, path: Path) -> frozenset[str]:
        """The secrets that may be named at `path`: the workflow's, and in a task its own."""
        written = self._document.value
        holders: list[Any] = [written]
        if len(path) > 1 and path[0] in STAGES:
            place: Any = path[1]
            stage = written.get(path[0])
            holders.append(stage[place] if isinstance(stage, dict | list) else None)
        lists = [holder.get("secrets") for holder in holders if isinstance(holder, dict)]
        return frozenset(str(name) for names in lists if isinstance(names, list) for name in names)

    @property
    def triggers(self) -> dict[str, dict[str, Any]]:
        """The triggers by name."""
        triggers: dict[str, dict[str, Any]] = self.value.get("triggers", {})
        return triggers

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """The declared inputs by name."""
        inputs: dict[str, dict[str, Any]] = self.value.get("inputs", {})
        return inputs

    def at_value(self, code: str, message: str, path: Path, hint: str = "") -> Fault:
        """Return a fault at the value at `path`."""
        return Fault(code, message, self._document.value_span(path), hint, self._document.file_of(path))

    def at_key(self, code: str, message: str, path: Path, hint: str = "") -> Fault:
        """Return a fault at the key that ends `path`."""
        return Fault(code, message, self._document.key_span(path), hint, self._document.file_of(path))

    def inside(self, code: str, message: str, path: Path, place: tuple[int, int], hint: str = "") -> Fault:
        """Return a fault inside the text at `path`; `place` is an offset and a length in code points."""
        span = self._document.text_span(path, *place)
        return Fault(code, message, span, hint, self._document.file_of(path))
