"""The results that a test gives: of attempts, child runs, approvals and caches."""

from collections.abc import Mapping
from typing import Any, Final

from dsl.model import Task
from dsl.testfile.model import Result
from engine.machine.model import TaskRun

_ALWAYS: Final[Mapping[str, dict[str, Any]]] = {
    "http": {"status": 200, "latency_ms": 1.0},
    "heartbeat": {"up": True, "status": 200, "latency_ms": 1.0},
}
"""Outputs that a kind always gives, unless a test says otherwise."""


class UnmockedError(Exception):
    """A test does not say what a task gives, and the workflow wants to know."""


class Mocks:
    """Looks up what a test gives for an attempt."""

    def __init__(self, given: Mapping[str, tuple[Result, ...]]) -> None:
        self._given = given

    def attempt(self, task: Task, task_run: TaskRun, number: int) -> Result:
        """Return how attempt `number` (from 1) ends. Raises `UnmockedError` where declared outputs are not given."""
        result = self._find(task_run, number) or Result()
        if result.failed:
            return result
        outputs = {**_ALWAYS.get(task.kind, {}), **(result.outputs or {})}
        missing = [name for name in task.outputs if name not in outputs]
        if missing and result.outputs is None:
            wanted = ", ".join(f"{name}: …" for name in missing)
            raise UnmockedError(
                f"task '{task.id}' declares outputs that the test does not give\n"
                f"  hint: mocks: {{{task.id}: {{outputs: {{{wanted}}}}}}}"
            )
        return Result(outputs=outputs, message=result.message, duration_seconds=result.duration_seconds)

    def approval(self, task_run: TaskRun) -> Result | None:
        """Return a person's answer, or None where nobody answers."""
        found = self._find(task_run, 1)
        return found if found is not None and found.approved is not None else None

    def cached(self, task_run: TaskRun) -> Result | None:
        """Return what a cache has, or None."""
        found = self._find(task_run, 1)
        return found if found is not None and found.cached else None

    def _find(self, task_run: TaskRun, number: int) -> Result | None:
        named = f"{task_run.task}[{task_run.key}]" if task_run.index is not None else task_run.task
        results = self._given.get(named) or self._given.get(task_run.task)
        return results[min(number, len(results)) - 1] if results else None
