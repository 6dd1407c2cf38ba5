"""A run in an executor's memory: its rows, and the counters that follow from them.

The counters make an event's cost independent of the number of tasks. They are never stored: `Execution.of` finds them
again from the rows, so a lost cache loses nothing.
"""

from dataclasses import dataclass, field
from typing import Any

from dsl.model import Task
from engine.machine.graph import Graph, Stage, stages_until
from engine.machine.model import Run, TaskRun
from engine.machine.states import TaskState


@dataclass(frozen=True, slots=True)
class Cell:
    """One item of a fan-out: what it is called, and what `matrix`, `item` and `index` stand for in it."""

    key: str
    names: dict[str, Any]


@dataclass(slots=True)
class Fan:
    """A fan-out on its way: how many of its items run, have ended, have failed."""

    template: TaskRun
    cells: tuple[Cell, ...]
    live: int = 0
    ended: int = 0
    failed: list[TaskRun] = field(default_factory=list)
    cancelled: int = 0

    def note_start(self) -> None:
        """Count an item that has left `pending`."""
        self.live += 1

    def note_end(self, item: TaskRun) -> None:
        """Count an item that has ended."""
        self.live -= 1
        self.ended += 1
        if item.state is TaskState.FAILED:
            self.failed.append(item)
        elif item.state is TaskState.CANCELLED:
            self.cancelled += 1


@dataclass(slots=True)
class Execution:
    """A run and what follows from its rows.

    `unmet` counts, for each pending task of the `stage`, the needs that have not ended; `open` the tasks of the stage
    that have not ended; `tainted` names ended tasks that failed unallowed or have such an ancestor; `failed` those of
    the stage that failed unallowed, `failed_main` those of the main tasks. `fans` are the fan-outs that run; after a
    load they are found again by the first `advance` (`restored`).
    """

    run: Run
    graph: Graph
    stage: Stage = Stage.MAIN
    unmet: dict[str, int] = field(default_factory=dict)
    open: int = 0
    tainted: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    failed_main: list[str] = field(default_factory=list)
    fans: dict[str, Fan] = field(default_factory=dict)
    restored: bool = False

    @classmethod
    def of(cls, run: Run, graph: Graph) -> "Execution":
        """Return the execution of a run as its rows describe it; linear in the number of tasks."""
        execution = cls(run=run, graph=graph)
        for stage in stages_until(run.phase, run.outcome):
            execution.enter(stage)
        return execution

    @property
    def size(self) -> int:
        """How many tasks and items it holds."""
        return len(self.graph.tasks) + sum(len(items) for items in self.run.items.values())

    def enter(self, stage: Stage) -> None:
        """Begin with the tasks of a stage; those that have ended already are entered as such."""
        self.stage, self.failed, self.unmet, self.open = stage, [], {}, 0
        for name in self.graph.stages[stage]:
            task_run = self.run.tasks.get(name)
            if task_run is not None and task_run.terminal:
                self.note_end(task_run)
                continue
            self.open += 1
            if task_run is None:
                self.unmet[name] = sum(1 for need in self.graph.tasks[name].needs if not self.ended(need))

    def task_of(self, task_run: TaskRun) -> Task:
        """Return the task that this is a run of."""
        return self.graph.tasks[task_run.task]

    def ended(self, task: str) -> bool:
        """Whether the task has ended."""
        task_run = self.run.tasks.get(task)
        return task_run is not None and task_run.terminal

    def note_end(self, task_run: TaskRun) -> None:
        """Enter an ended task run into `tainted` and `failed`. Its needs have ended before."""
        task = self.graph.tasks[task_run.task]
        failed = task_run.state is TaskState.FAILED and not task.allow_failure
        if failed:
            self.failed.append(task.id)
            if self.stage is Stage.MAIN:
                self.failed_main.append(task.id)
        if failed or any(need in self.tainted for need in task.needs):
            self.tainted.add(task.id)

    def create(self, task_id: str) -> TaskRun:
        """Return a fresh, pending task run of the task, entered into the run."""
        task = self.graph.tasks[task_id]
        ordinal = self.graph.ordinals[task_id]
        task_run = TaskRun(id=f"{self.run.id}-{ordinal}", task=task_id, ordinal=ordinal, pool=task.pool, kind=task.kind)
        self.run.tasks[task_id] = task_run
        self.unmet.pop(task_id, None)
        return task_run

    def create_item(self, fan: Fan) -> TaskRun:
        """Return the fan-out's next item, pending, entered into the run."""
        template = fan.template
        items = self.run.items[template.task]
        index = len(items)
        item = TaskRun(
            id=f"{template.id}.{index}",
            task=template.task,
            ordinal=template.ordinal,
            index=index,
            key=fan.cells[index].key,
            pool=template.pool,
            kind=template.kind,
        )
        items.append(item)
        fan.note_start()
        return item
