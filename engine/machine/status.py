"""The status functions of `if`, as the truth table of the language reference gives them.

| among the needed tasks (for `failure()`, their ancestors too) | success() | failure() | skipped() | always() |
| --- | --- | --- | --- | --- |
| none needed, or all succeeded (or failed and allowed to)      | true      | false     | false     | true     |
| at least one failed                                           | false     | true      | as found  | true     |
| none failed, at least one skipped                             | false     | false     | true      | true     |
| run being cancelled                                           | false     | as found  | as found  | true     |
"""

import re
from collections.abc import Callable
from typing import Final

from dsl.model import Task
from engine.machine.execution import Execution
from engine.machine.states import TaskState

_CALL: Final = re.compile(r"\b(success|failure|always|cancelled|skipped)\s*\(\s*\)")
_LATE: Final = re.compile(r"\b(always|cancelled)\s*\(\s*\)")


def names_status(condition: str) -> bool:
    """Whether the condition calls a status function. One that does not stands behind an implied `success() &&`."""
    return _CALL.search(condition) is not None


def outlives_cancel(task: Task) -> bool:
    """Whether a pending task still gets its turn in a run that is being cancelled."""
    return task.condition is not None and _LATE.search(task.condition) is not None


def success(execution: Execution, task: Task) -> bool:
    """Whether all that the task needs succeeded, or failed and was allowed to."""
    return execution.run.stop is None and all(_passed(execution, need) for need in task.needs)


def failure(execution: Execution, task: Task) -> bool:
    """Whether anything the task needs, or an ancestor of it, failed unallowed."""
    return any(need in execution.tainted for need in task.needs)


def skipped(execution: Execution, task: Task) -> bool:
    """Whether anything the task needs was skipped."""
    return any(execution.run.tasks[need].state is TaskState.SKIPPED for need in task.needs)


def _always(_execution: Execution, _task: Task) -> bool:
    return True


def _cancelled(execution: Execution, _task: Task) -> bool:
    return execution.run.stop is not None


FUNCTIONS: Final[dict[str, Callable[[Execution, Task], bool]]] = {
    "success()": success,
    "failure()": failure,
    "skipped()": skipped,
    "always()": _always,
    "cancelled()": _cancelled,
}


def _passed(execution: Execution, need: str) -> bool:
    state = execution.run.tasks[need].state
    if state is TaskState.FAILED:
        return execution.graph.tasks[need].allow_failure
    return state is TaskState.SUCCEEDED
