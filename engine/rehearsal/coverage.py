"""What no test reached: tasks that never ran, conditions that only ever went one way, retries and hooks never taken."""

from dataclasses import dataclass, field

from engine.machine.execution import Execution
from engine.machine.graph import Graph
from engine.machine.states import Reason, TaskState

_RAN = frozenset({TaskState.SUCCEEDED, TaskState.FAILED})


@dataclass(slots=True)
class Coverage:
    """What the tests of one workflow have reached, as short sentences; `all` are those that can be reached."""

    graph: Graph
    reached: set[str] = field(default_factory=set)

    @property
    def all(self) -> dict[str, int]:
        """Everything that can be reached, with the line it stands on."""
        points: dict[str, int] = {}
        for task in self.graph.tasks.values():
            points[f"task '{task.id}' runs"] = task.line
            if task.condition is not None and task.condition.strip() != "always()":
                points[f"task '{task.id}' is left out by its condition"] = task.line
            if task.retry.max_attempts > 1:
                points[f"task '{task.id}' is tried again"] = task.line
            if task.fan_out is not None and task.fan_out.for_each is not None:
                points[f"task '{task.id}' has no items"] = task.line
            if task.kind == "approval":
                points[f"task '{task.id}' is not approved"] = task.line
        return points

    @property
    def missed(self) -> dict[str, int]:
        """What no test reached, with the line it stands on."""
        return {point: line for point, line in self.all.items() if point not in self.reached}

    @property
    def share(self) -> float:
        """The share reached, from 0 to 1."""
        every = self.all
        return len(every.keys() & self.reached) / len(every) if every else 1.0

    def note(self, execution: Execution) -> None:
        """Enter what a run has reached."""
        for name, task_run in execution.run.tasks.items():
            if task_run.state in _RAN:
                self.reached.add(f"task '{name}' runs")
            if task_run.state is TaskState.SKIPPED and task_run.reason is Reason.CONDITION:
                self.reached.add(f"task '{name}' is left out by its condition")
            if task_run.reason in {Reason.REJECTED, Reason.TIMEOUT} and task_run.kind == "approval":
                self.reached.add(f"task '{name}' is not approved")
            items = execution.run.items.get(name)
            if items == []:
                self.reached.add(f"task '{name}' has no items")
            if any(each.attempt - each.try_begun > 1 for each in [task_run, *(items or ())]):
                self.reached.add(f"task '{name}' is tried again")
