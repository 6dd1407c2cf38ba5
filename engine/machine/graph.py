"""The workflow's graph, worked out once a revision: who waits for whom, and in which order tasks are numbered."""

from dataclasses import dataclass
from typing import Final

from dsl.expressions import Evaluator
from dsl.model import Task, Workflow

ENGINE_KINDS: Final = frozenset({"wait", "set"})
"""Kinds that the engine carries out itself: they hold no worker."""


@dataclass(frozen=True, slots=True)
class Graph:
    """One revision made ready to run; shared by all its runs."""

    workflow: Workflow
    evaluator: Evaluator
    ordinals: dict[str, int]
    dependents: dict[str, tuple[str, ...]]
    order: tuple[str, ...]
    order_of_file: tuple[str, ...]

    @classmethod
    def of(cls, workflow: Workflow) -> "Graph":
        """Return the workflow's graph. Raises `ValueError` where `needs` go in a circle (no checked file has that)."""
        dependents: dict[str, list[str]] = {name: [] for name in workflow.tasks}
        for task in workflow.tasks.values():
            for need in task.needs:
                dependents[need].append(task.id)
        return cls(
            workflow=workflow,
            evaluator=Evaluator(workflow),
            ordinals={name: ordinal for ordinal, name in enumerate(workflow.tasks)},
            dependents={name: tuple(below) for name, below in dependents.items()},
            order=_topological(workflow.tasks, dependents),
            order_of_file=tuple(workflow.tasks),
        )


def _topological(tasks: dict[str, Task], dependents: dict[str, list[str]]) -> tuple[str, ...]:
    unmet = {name: len(task.needs) for name, task in tasks.items()}
    order = [name for name, count in unmet.items() if count == 0]
    for name in order:
        for below in dependents[name]:
            unmet[below] -= 1
            if unmet[below] == 0:
                order.append(below)
    if len(order) != len(tasks):
        raise ValueError("the needs of the tasks go in a circle")
    return tuple(order)
