"""Names in a test file that the workflow does not have: told where they stand, before anything is played."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dsl.diagnostics import Fault
from dsl.model import Task, Workflow
from dsl.suggest import did_you_mean
from dsl.yaml import Document

Path = tuple[str | int, ...]

_DECLARING: Final = frozenset({"run", "container"})
"""The kinds whose tasks declare every output that they have."""
_REFUSED: Final = "invalid_inputs"


def unknown_names(document: Document, workflow: Workflow) -> list[Fault]:
    """Return a fault for each task, input, output and trigger that a test file names and the workflow does not have.

    The document fits the schema of tests. A test that expects its inputs to be refused may give any.
    """
    value = document.value
    found = list(_Names(document, workflow).of_given(("defaults",), value.get("defaults", {})))
    for name, case in value["tests"].items():
        names = _Names(document, workflow)
        found += names.of_given(("tests", name), case)
        found += names.of_expected(("tests", name, "expect"), case["expect"])
    return found


class _Names:
    """Looks at the names of one workflow's tests."""

    def __init__(self, document: Document, workflow: Workflow) -> None:
        self._document = document
        self._workflow = workflow
        self._tasks = workflow.tasks | workflow.on_failure | workflow.on_success | workflow.finally_

    def of_given(self, path: Path, case: Mapping[str, Any]) -> Iterator[Fault]:
        """Give the faults of what a test gives."""
        if case.get("expect", {}).get("reason") != _REFUSED:
            yield from self._inputs((*path, "inputs"), case)
        trigger = case.get("trigger", {}).get("name")
        if trigger is not None and trigger not in self._workflow.triggers:
            yield self._fault(
                "E0603", "trigger", trigger, self._workflow.triggers, (*path, "trigger", "name"), key=False
            )
        for name, mock in case.get("mocks", {}).items():
            place = (*path, "mocks", name)
            task, faults = self._task(name, place)
            yield from faults
            for number, result in enumerate(mock if isinstance(mock, list) else [mock]):
                inside = (number,) if isinstance(mock, list) else ()
                yield from self._outputs(task, (*place, *inside, "outputs"), result.get("outputs", {}))

    def of_expected(self, path: Path, expect: Mapping[str, Any]) -> Iterator[Fault]:
        """Give the faults of what a test expects."""
        yield from self._inputs((*path, "inputs"), expect)
        for output in _unknown(expect.get("outputs", {}), self._workflow.outputs):
            yield self._fault("E0602", "output", output, self._workflow.outputs, (*path, "outputs", output))
        for name, wanted in expect.get("tasks", {}).items():
            task, faults = self._task(name, (*path, "tasks", name))
            yield from faults
            if task is not None and isinstance(wanted, dict):
                yield from self._of_task(task, (*path, "tasks", name), wanted)
        for word in ("order", "ran"):
            for number, name in enumerate(expect.get(word, ())):
                yield from self._task(name, (*path, word, number), key=False)[1]

    def _of_task(self, task: Task, path: Path, wanted: Mapping[str, Any]) -> Iterator[Fault]:
        yield from self._outputs(task, (*path, "outputs"), wanted.get("outputs", {}))
        known = task.spec.get("inputs", {}) if task.kind == "workflow" else {}
        for name in _unknown(wanted.get("inputs", {}), known):
            yield self._fault("E0602", "input", name, known, (*path, "inputs", name), of=f"task '{task.id}'")

    def _task(self, name: str, path: Path, *, key: bool = True) -> tuple[Task | None, list[Fault]]:
        """Return the task that a name (of an item perhaps) means, or what is wrong with it."""
        task = name.partition("[")[0]
        if task in self._tasks:
            return self._tasks[task], []
        return None, [self._fault("E0601", "task", task, self._tasks, path, key=key)]

    def _inputs(self, path: Path, given: Mapping[str, Any]) -> Iterator[Fault]:
        known = self._workflow.inputs
        for name in _unknown(given.get("inputs", {}), known):
            yield self._fault("E0602", "input", name, known, (*path, name))

    def _outputs(self, task: Task | None, path: Path, given: Mapping[str, Any]) -> Iterator[Fault]:
        if task is None or task.kind not in _DECLARING:
            return
        for name in _unknown(given, task.outputs):
            yield self._fault("E0602", "output", name, task.outputs, (*path, name), of=f"task '{task.id}'")

    def _fault(
        self, code: str, what: str, name: str, known: Iterable[str], path: Path, *, of: str = "", key: bool = True
    ) -> Fault:
        names = list(known)
        listed = f"there are: {', '.join(names)}" if 0 < len(names) <= 12 else ""
        owner = of or f"workflow '{self._workflow.name}'"
        place = self._document.key_span if key else self._document.value_span
        return Fault(code, f"{owner} has no {what} '{name}'", place(path), did_you_mean(name, names, listed))


def _unknown(given: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    return [name for name in given if name not in known]
