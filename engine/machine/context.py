"""What the names in an expression stand for while a run is on its way."""

from collections.abc import Callable
from typing import Any

from dsl.expressions import ABSENT, Lookup
from dsl.model import Task
from engine.machine import status
from engine.machine.execution import Execution
from engine.machine.model import Run, TaskRun
from engine.machine.states import TaskState


def run_lookup(run: Run) -> Lookup:
    """Return the look-up of `inputs`, `run`, `workflow` and `trigger`, all that exists before a run's tasks do."""
    roots: dict[str, Callable[[list[str]], Any]] = {
        "inputs": lambda path: _dig(run.inputs, path),
        "trigger": lambda path: _dig(run.trigger, path),
        "workflow": lambda path: _dig(_workflow(run), path),
        "run": lambda path: _dig(_run(run), path),
    }

    def lookup(name: str) -> Any:
        root, *path = name.split(".")
        return roots[root](path) if root in roots else ABSENT

    return lookup


def task_lookup(execution: Execution, task: Task | None, task_run: TaskRun | None = None) -> Lookup:
    """Return the look-up for a field of `task` (None: of the workflow, when its tasks have ended).

    With an item of a fan-out as `task_run`, `matrix`, `item` and `index` are that item's.
    """
    general = run_lookup(execution.run)
    item = _item_names(execution, task_run)

    def lookup(name: str) -> Any:
        if name.startswith("tasks."):
            return _of_task(execution, name.split("."))
        if name == "run.failed_tasks":
            return list(execution.failed_main)
        if task is not None and name in status.FUNCTIONS:
            return status.FUNCTIONS[name](execution, task)
        root = name.partition(".")[0]
        return _dig(item, name.split(".")) if root in item else general(name)

    return lookup


def with_outputs(lookup: Lookup, outputs: dict[str, Any]) -> Lookup:
    """Return the look-up in which `outputs.NAME` too is known: those of the attempt that has just ended."""

    def wider(name: str) -> Any:
        root, *path = name.split(".")
        return _dig(outputs, path) if root == "outputs" else lookup(name)

    return wider


def _item_names(execution: Execution, task_run: TaskRun | None) -> dict[str, Any]:
    if task_run is None or task_run.index is None:
        return {}
    return execution.fans[task_run.task].cells[task_run.index].names


def _of_task(execution: Execution, path: list[str]) -> Any:
    task_run = execution.run.tasks.get(path[1]) if len(path) > 1 else None
    if task_run is None:
        return ABSENT
    match path[2:]:
        case ["state"]:
            return str(task_run.state)
        case ["outputs", *rest] if task_run.state is TaskState.SUCCEEDED or _partial(execution, task_run):
            return _dig(task_run.outputs or {}, rest)
        case _:
            return ABSENT


def _partial(execution: Execution, task_run: TaskRun) -> bool:
    """Whether this is a fan-out of which some items failed and were allowed to: its outputs have gaps."""
    task = execution.graph.tasks[task_run.task]
    return task.fan_out is not None and task.allow_failure and task_run.outputs is not None


def _dig(value: Any, path: list[str]) -> Any:
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return ABSENT
        value = value[part]
    return value


def _workflow(run: Run) -> dict[str, Any]:
    return {"name": run.workflow.name, "namespace": run.workflow.namespace, "revision": run.revision}


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "state": str(run.outcome or run.state),
        "created_at": run.created_at,
        "started_at": run.started_at or ABSENT,
        "labels": run.labels,
    }
