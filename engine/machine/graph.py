"""The workflow's graphs, worked out once a revision: who waits for whom, and in which order tasks are numbered."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from dsl.expressions import Evaluator
from dsl.model import ENGINE_KINDS, Task, Workflow
from engine.machine.states import Phase, RunState

if TYPE_CHECKING:
    from engine.machine.fingerprints import TaskPrint


class Stage(StrEnum):
    """One of the graphs of a workflow, by its key in the file."""

    MAIN = "tasks"
    ON_FAILURE = "on_failure"
    ON_SUCCESS = "on_success"
    FINALLY = "finally"


@dataclass(frozen=True, slots=True)
class Graph:
    """One revision made ready to run; shared by all its runs.

    `tasks` are those of every stage; `stages` has their names in an order in which needs come first. `prints` keeps
    what `engine.machine.fingerprints` has worked out.
    """

    workflow: Workflow
    evaluator: Evaluator
    tasks: dict[str, Task]
    stages: dict[Stage, tuple[str, ...]]
    ordinals: dict[str, int]
    dependents: dict[str, tuple[str, ...]]
    order_of_file: tuple[str, ...]
    prints: dict[str, "TaskPrint"] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, workflow: Workflow) -> "Graph":
        """Return the workflow's graph. Raises `ValueError` where `needs` go in a circle (no checked file has that)."""
        by_stage = {
            Stage.MAIN: workflow.tasks,
            Stage.ON_FAILURE: workflow.on_failure,
            Stage.ON_SUCCESS: workflow.on_success,
            Stage.FINALLY: workflow.finally_,
        }
        tasks = {name: task for stage in by_stage.values() for name, task in stage.items()}
        dependents: dict[str, list[str]] = {name: [] for name in tasks}
        for task in tasks.values():
            for need in task.needs:
                dependents[need].append(task.id)
        return cls(
            workflow=workflow,
            evaluator=Evaluator(workflow),
            tasks=tasks,
            stages={stage: _topological(found, dependents) for stage, found in by_stage.items()},
            ordinals={name: ordinal for ordinal, name in enumerate(tasks)},
            dependents={name: tuple(below) for name, below in dependents.items()},
            order_of_file=tuple(tasks),
        )

    def after(self, stage: Stage, outcome: RunState) -> Stage | None:
        """Return the stage that follows, of those that have tasks; None after the last."""
        hook = {RunState.SUCCEEDED: Stage.ON_SUCCESS, RunState.FAILED: Stage.ON_FAILURE}.get(outcome)
        following = [hook, Stage.FINALLY] if stage is Stage.MAIN else [Stage.FINALLY]
        if stage is Stage.FINALLY:
            return None
        return next((each for each in following if each is not None and self.stages[each]), None)


def worker_pools(graph: Graph) -> list[str]:
    """Return the pools whose workers carry tasks of the workflow out, by name."""
    return sorted({task.pool for task in graph.tasks.values() if task.kind not in ENGINE_KINDS})


def phase_of(stage: Stage) -> Phase:
    """Return the phase of a run in which the stage's tasks run."""
    match stage:
        case Stage.MAIN:
            return Phase.MAIN
        case Stage.FINALLY:
            return Phase.FINALLY
        case Stage.ON_FAILURE | Stage.ON_SUCCESS:
            return Phase.HOOK


def stages_until(phase: Phase, outcome: RunState | None) -> list[Stage]:
    """Return the stages that a run in that phase has been in, the one it is in last."""
    hook = {RunState.SUCCEEDED: Stage.ON_SUCCESS, RunState.FAILED: Stage.ON_FAILURE}
    before = [Stage.MAIN, *([hook[outcome]] if outcome in hook else [])]
    match phase:
        case Phase.MAIN:
            return [Stage.MAIN]
        case Phase.HOOK:
            return before
        case Phase.FINALLY:
            return [*before, Stage.FINALLY]


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
