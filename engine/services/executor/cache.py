"""Runs kept in an executor's memory, bounded by the number of tasks they hold."""

from collections import OrderedDict
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
    """The executions of runs, the last used kept until they hold `TASKS_MAX` tasks."""

    def __init__(self, tasks_max: int = TASKS_MAX) -> None:
        self._tasks_max = tasks_max
        self._tasks = 0
        self._executions: OrderedDict[str, Execution] = OrderedDict()
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
        execution = Execution.of(run, self.graphs.of(run.revision_id, run.workflow))
        self._executions[run.id] = execution
        self._tasks += len(run.workflow.tasks)
        while self._tasks > self._tasks_max and len(self._executions) > 1:
            self.drop(next(iter(self._executions)))
        return execution

    def drop(self, run_id: str) -> None:
        """Forget a run: it ended, or what is here can no longer be trusted."""
        execution = self._executions.pop(run_id, None)
        if execution is not None:
            self._tasks -= len(execution.run.workflow.tasks)
