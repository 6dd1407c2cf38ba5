"""Runs kept in an executor's memory, bounded by the number of tasks they hold."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from dsl.model import Workflow
from engine.machine.execution import Execution
from engine.machine.graph import Graph
from engine.machine.model import Run

TASKS_MAX: Final = 200_000
GRAPHS_MAX: Final = 256


class Graphs:
    """The graphs of revisions, the last used kept."""

    def __init__(self) -> None:
        self._graphs: OrderedDict[str, Graph] = OrderedDict()

    def of(self, revision_id: str, workflow: Workflow) -> Graph:
        """Return the graph of a revision, working it out the first time."""
        graph = self._graphs.get(revision_id)
        if graph is None:
            graph = self._graphs[revision_id] = Graph.of(workflow)
            if len(self._graphs) > GRAPHS_MAX:
                self._graphs.popitem(last=False)
        else:
            self._graphs.move_to_end(revision_id)
        return graph


class Executions:
    """The executions of runs. Between batches the last used are kept, until they hold `TASKS_MAX` tasks and items.

    Nothing is forgotten in the middle of a batch: an execution that is not here stands for a run that does not exist.
    """

    def __init__(self, tasks_max: int = TASKS_MAX) -> None:
        self._tasks_max = tasks_max
        self._tasks = 0
        self._executions: OrderedDict[str, Execution] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self.graphs = Graphs()

    def get(self, run_id: str) -> Execution | None:
        """Return the execution if it is here."""
        execution = self._executions.get(run_id)
        if execution is not None:
            self._executions.move_to_end(run_id)
        return execution

    def add(self, run: Run) -> Execution:
        """Enter a loaded run."""
        self.drop(run.id)
        execution = self._ready(run)
        self._executions[run.id] = execution
        self.measure(run.id)
        return execution

    def _ready(self, run: Run) -> Execution:
        """Return the run made ready; one whose revision makes no graph goes on without tasks, to its end."""
        if not run.unreadable:
            try:
                return Execution.of(run, self.graphs.of(run.revision_id, run.workflow))
            except Exception as error:  # one revision that cannot be run must not stop the other runs of a batch
                run.unreadable = str(error)
        run.workflow = Workflow(name=run.workflow.name, tasks={})
        return Execution.of(run, Graph.of(run.workflow))

    def measure(self, run_id: str) -> None:
        """Count a run again, whose fan-outs may have grown."""
        execution = self._executions.get(run_id)
        if execution is not None:
            self._tasks += execution.size - self._sizes.get(run_id, 0)
            self._sizes[run_id] = execution.size

    def trim(self) -> None:
        """Forget the least used ones while there are too many. To be called between batches."""
        while self._tasks > self._tasks_max and len(self._executions) > 1:
            self.drop(next(iter(self._executions)))

    def drop_where(self, gone: Callable[[str], bool]) -> None:
        """Forget the runs for which `gone(run_id)` holds."""
        for run_id in [run_id for run_id in self._executions if gone(run_id)]:
            self.drop(run_id)

    def drop(self, run_id: str) -> None:
        """Forget a run: it ended, or what is here can no longer be trusted."""
        execution = self._executions.pop(run_id, None)
        if execution is not None:
            self._tasks -= self._sizes.pop(run_id)
