"""A page of a run's task runs: rows for what has left `pending`, the workflow for the rest."""

from itertools import groupby
from typing import Final

from api.schemas.runs import TaskRun, TaskRunPage
from engine.machine.graph import Graph, stages_until
from engine.machine.states import RUN_TERMINAL, Phase, RunState, TaskState
from engine.store.connection import Connection
from engine.store.reads_runs import RunRow
from engine.store.reads_tasks import (
    Place,
    TaskRow,
    count_task_states,
    list_attempts,
    list_tasks,
    stored_ordinals,
)

FIRST: Final = Place(-1, 0)
"""The place before every task run."""


def task_page(connection: Connection, run: RunRow, graph: Graph, *, after: Place, limit: int) -> TaskRunPage:
    """Return at most `limit` task runs after a place: in the order of the file, items after their fan-out.

    While a run goes on, tasks of its phases without a row are shown as `pending`; in one that has ended there is
    nothing pending.
    """
    rows = list_tasks(connection, run.id, after=after, limit=limit + 1)
    shown = _shown(connection, run, rows)
    last = rows[limit].ordinal if len(rows) > limit else None  # nothing is known of what comes after
    shown |= {
        Place(ordinal, -1): _pending(run, graph, ordinal)
        for ordinal in _pending_ordinals(run, graph, {row.ordinal for row in rows}, after)
        if last is None or ordinal < last
    }
    places = sorted(shown)
    more = places[limit - 1] if len(places) > limit else None
    return TaskRunPage(items=[shown[place] for place in places[:limit]], next=None if more is None else str(more))


def task_counts(connection: Connection, run: RunRow, graph: Graph) -> dict[str, int]:
    """Return how many of the run's task runs are in each state; states without any are left out.

    A fan-out counts as one, beside its items.
    """
    counts = count_task_states(connection, run.id)
    if run.state not in RUN_TERMINAL:
        pending = len(_pending_ordinals(run, graph, stored_ordinals(connection, run.id), FIRST))
        if pending:
            counts[TaskState.PENDING] = counts.get(TaskState.PENDING, 0) + pending
    return counts


def _pending_ordinals(run: RunRow, graph: Graph, stored: set[int], after: Place) -> list[int]:
    if run.state in RUN_TERMINAL:
        return []
    stages = stages_until(Phase(run.phase), RunState(run.outcome) if run.outcome else None)
    ordinals = (graph.ordinals[name] for stage in stages for name in graph.stages[stage])
    return sorted(ordinal for ordinal in ordinals if ordinal > after.ordinal and ordinal not in stored)


def _pending(run: RunRow, graph: Graph, ordinal: int) -> TaskRun:
    task = graph.tasks[graph.order_of_file[ordinal]]
    return TaskRun.pending(run_id=run.id, ordinal=ordinal, task=task.id, kind=task.kind, pool=task.pool)


def _shown(connection: Connection, run: RunRow, rows: list[TaskRow]) -> dict[Place, TaskRun]:
    tried = [row.id for row in rows if row.attempt > 0]
    ended = list_attempts(connection, run.id, tried) if tried else []
    attempts = {name: list(found) for name, found in groupby(ended, key=lambda attempt: attempt.task_run_id)}
    return {row.place: TaskRun.of(row, attempts.get(row.id, ())) for row in rows}
