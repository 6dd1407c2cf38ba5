"""One call of `advance` on its way: the execution, the moment, and the changes so far."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from dsl.model import Task
from engine.machine.changes import Changes, Command, NewSignal
from engine.machine.execution import Execution
from engine.machine.model import Run, TaskRun
from engine.machine.states import RUN_ARROWS, TASK_ARROWS, IllegalArrowError, Reason, RunState, TaskState


@dataclass(slots=True)
class Step:
    """What the handlers of events share.

    `ready` holds pending tasks whose needs have all ended, `fans` fan-outs to be looked at again.
    """

    execution: Execution
    now: datetime
    changes: Changes
    ready: deque[str] = field(default_factory=deque)
    fans: deque[str] = field(default_factory=deque)

    @property
    def run(self) -> Run:
        """The run."""
        return self.execution.run

    def task_of(self, task_run: TaskRun) -> Task:
        """The task that this is a run of."""
        return self.execution.graph.tasks[task_run.task]

    def find(self, task_run_id: str) -> TaskRun | None:
        """Return the task run of that id, if it has left `pending`."""
        ordinal, dot, index = task_run_id[len(self.run.id) + 1 :].partition(".")
        names = self.execution.graph.order_of_file
        if not ordinal.isdecimal() or int(ordinal) >= len(names):
            return None
        name = names[int(ordinal)]
        task_run = self._item(name, index) if dot else self.run.tasks.get(name)
        return task_run if task_run is not None and task_run.id == task_run_id else None

    def _item(self, task: str, index: str) -> TaskRun | None:
        items = self.run.items.get(task, [])
        return items[int(index)] if index.isdecimal() and int(index) < len(items) else None

    def move(self, task_run: TaskRun, state: TaskState, reason: Reason | None, message: str) -> None:
        """Take an arrow of the table and have the task run written. Raises `IllegalArrowError` for any other."""
        if state not in TASK_ARROWS.get(task_run.state, ()):
            raise IllegalArrowError(f"task run {task_run.id}: {task_run.state} -> {state}")
        task_run.state, task_run.reason, task_run.message = state, reason, message
        self.changes.tasks[task_run.id] = task_run

    def move_run(self, state: RunState, reason: Reason | None, message: str) -> None:
        """Take an arrow of the table and have the run written. Raises `IllegalArrowError` for any other."""
        if state not in RUN_ARROWS.get(self.run.state, ()):
            raise IllegalArrowError(f"run {self.run.id}: {self.run.state} -> {state}")
        self.run.state, self.run.reason, self.run.message = state, reason, message
        self.changes.run_dirty = True

    def touch_run(self) -> None:
        """Have the run's own columns written."""
        self.changes.run_dirty = True

    def touch(self, task_run: TaskRun) -> None:
        """Have the task run written."""
        self.changes.tasks[task_run.id] = task_run

    def signal(self, kind: str, due_at: datetime, dedupe_key: str, **payload: object) -> None:
        """Have a signal of this run to itself inserted."""
        self.changes.signals.append(NewSignal(kind=kind, payload=payload, due_at=due_at, dedupe_key=dedupe_key))

    def command(self, command: Command) -> None:
        """Have something done after the commit."""
        self.changes.commands.append(command)

    def ignore(self) -> None:
        """Count an event that changes nothing: stale, doubled, or for somebody else."""
        self.changes.ignored += 1
