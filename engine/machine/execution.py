"""A run in an executor's memory: its rows, and the counters that follow from them.

The counters make an event's cost independent of the number of tasks. They are never stored: `Execution.of` finds them
again from the rows, so a lost cache loses nothing.
"""

from dataclasses import dataclass, field

from engine.machine.graph import Graph
from engine.machine.model import Run, TaskRun
from engine.machine.states import TaskState


@dataclass(slots=True)
class Execution:
    """A run and what follows from its rows.

    `unmet` counts, for each pending task, the needs that have not ended; `open` the tasks that have not ended;
    `tainted` names ended tasks that failed unallowed or have such an ancestor; `failed` those that failed unallowed.
    """

    run: Run
    graph: Graph
    unmet: dict[str, int] = field(default_factory=dict)
    open: int = 0
    tainted: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, run: Run, graph: Graph) -> "Execution":
        """Return the execution of a run as its rows describe it; linear in the number of tasks."""
        execution = cls(run=run, graph=graph)
        for name in graph.order:
            task_run = run.tasks.get(name)
            needs = run.workflow.tasks[name].needs
            if task_run is not None and task_run.terminal:
                execution.note_end(task_run)
                continue
            execution.open += 1
            if task_run is None:
                execution.unmet[name] = sum(1 for need in needs if not execution.ended(need))
        return execution

    def ended(self, task: str) -> bool:
        """Whether the task has ended."""
        task_run = self.run.tasks.get(task)
        return task_run is not None and task_run.terminal

    def note_end(self, task_run: TaskRun) -> None:
        """Enter an ended task run into `tainted` and `failed`. Its needs have ended before."""
        task = self.run.workflow.tasks[task_run.task]
        failed = task_run.state is TaskState.FAILED and not task.allow_failure
        if failed:
            self.failed.append(task.id)
        if failed or any(need in self.tainted for need in task.needs):
            self.tainted.add(task.id)

    def create(self, task_id: str) -> TaskRun:
        """Return a fresh, pending task run of the task, entered into the run."""
        task = self.run.workflow.tasks[task_id]
        ordinal = self.graph.ordinals[task_id]
        task_run = TaskRun(id=f"{self.run.id}-{ordinal}", task=task_id, ordinal=ordinal, pool=task.pool, kind=task.kind)
        self.run.tasks[task_id] = task_run
        self.unmet.pop(task_id, None)
        return task_run
