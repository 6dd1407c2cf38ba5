"""A page of a run's task runs: rows for what has left `pending`, the workflow for the rest."""

from itertools import groupby

from api.schemas.runs import TaskRun, TaskRunPage
from engine.machine.graph import Graph
from engine.machine.states import RUN_TERMINAL, TaskState
from engine.store.connection import Connection
from engine.store.reads_runs import RunRow
from engine.store.reads_tasks import TaskRow, count_task_states, list_attempts, list_tasks


def task_page(connection: Connection, run: RunRow, graph: Graph, *, first: int, limit: int) -> TaskRunPage:
    """Return the task runs from ordinal `first` on, at most `limit`, in the order of the file.

    While a run goes on, tasks without a row are shown as `pending`; in one that has ended there is nothing pending.
    """
    names = graph.order_of_file
    ordinals = range(first, min(first + limit, len(names)))
    rows = {row.ordinal: row for row in list_tasks(connection, run.id, ordinals=ordinals, limit=limit)}
    shown = _shown(connection, run, list(rows.values()))
    if run.state not in RUN_TERMINAL:
        for ordinal in ordinals:
            if ordinal not in rows:
                task = graph.workflow.tasks[names[ordinal]]
                shown[ordinal] = TaskRun.pending(
                    run_id=run.id, ordinal=ordinal, task=task.id, kind=task.kind, pool=task.pool
                )
    following = str(ordinals.stop) if ordinals.stop < len(names) else None
    return TaskRunPage(items=[shown[ordinal] for ordinal in sorted(shown)], next=following)


def task_counts(connection: Connection, run: RunRow, graph: Graph) -> dict[str, int]:
    """Return how many of the run's tasks are in each state; states without any are left out."""
    counts = count_task_states(connection, run.id)
    unstored = len(graph.order_of_file) - sum(counts.values())
    if run.state not in RUN_TERMINAL and unstored > 0:
        counts[TaskState.PENDING] = counts.get(TaskState.PENDING, 0) + unstored
    return counts


def _shown(connection: Connection, run: RunRow, rows: list[TaskRow]) -> dict[int, TaskRun]:
    tried = [row.id for row in rows if row.attempt > 0]
    ended = list_attempts(connection, run.id, tried) if tried else []
    attempts = {name: list(found) for name, found in groupby(ended, key=lambda attempt: attempt.task_run_id)}
    return {row.ordinal: TaskRun.of(row, attempts.get(row.id, ())) for row in rows}
