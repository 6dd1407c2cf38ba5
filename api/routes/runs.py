"""Runs: listed, shown, explained, cancelled."""

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from api.authentication import Asking
from api.dependencies import Injected, Services
from api.once import once_of
from api.parameters import (
    PAGE_SIZE,
    PAGE_SIZE_MAX,
    Cursor,
    IdempotencyKey,
    Labels,
    Limit,
    Moment,
    backfill_id,
    cursor_id,
    cursor_place,
    found,
    page,
    read_labels,
    read_moment,
    read_workflow,
)
from api.parameters import (
    run_id as checked_id,
)
from api.problems import RESPONSES
from api.schemas.runs import CancelRequest, Run, RunDetail, RunPage, TaskRunPage
from api.schemas.states import Explanation
from api.tasks import FIRST, task_counts, task_page
from engine.machine.states import RunState
from engine.services.actions import Replay
from engine.services.explanations import Explainer, summary_of
from engine.store import reads_runs as reads
from engine.store.reads_tasks import Place
from engine.store.reads_workflows import read_workflow as workflow_row
from engine.store.run_filter import RunFilter


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listRuns", summary="List runs")
def list_runs(
    services: Injected,
    workflow: Annotated[str | None, QueryParameter(description="`namespace/name`")] = None,
    states: Annotated[list[RunState] | None, QueryParameter(name="state", description="Repeat it.")] = None,
    label: Labels = None,
    since: Moment = None,
    until: Moment = None,
    trigger: Annotated[str | None, QueryParameter(description="Kind of the trigger: `manual`, `cron` …")] = None,
    backfill: Annotated[str | None, QueryParameter(description="Id of the backfill that made the runs.")] = None,
    limit: Limit = PAGE_SIZE,
    cursor: Cursor = None,
) -> RunPage:
    """List runs, newest first. A page stays the same when new runs come."""
    before = cursor_id(cursor)
    moments = read_moment("since", since), read_moment("until", until)
    with services.database.read() as connection:
        workflow_id = None
        if workflow is not None:
            row = workflow_row(connection, *read_workflow(workflow))
            workflow_id = found(row, f"workflow {workflow}").id
        wanted = RunFilter(
            workflow_id=workflow_id,
            states=[str(item) for item in states or []],
            labels=read_labels(label),
            since=moments[0],
            until=moments[1],
            trigger=trigger,
            backfill=None if backfill is None else backfill_id("query.backfill", backfill),
        )
        rows, more = page(reads.list_runs(connection, wanted, before=before, limit=limit + 1), limit)
    return RunPage(items=[Run.of(row) for row in rows], next=rows[-1].id if more else None)


@get("/{run_id:str}", sync_to_thread=True, responses=RESPONSES, operation_id="getRun", summary="Show a run")
def get_run(services: Injected, run_id: FromPath[str]) -> RunDetail:
    """Show a run with its values, its task runs counted by state, and the first 200 of them."""
    row = _run(services, run_id)
    graph = services.revisions.graph_to_show(row.revision_id)
    with services.database.read() as connection:
        values = reads.read_run_values(connection, row.id)
        counts = task_counts(connection, row, graph)
        tasks = task_page(connection, row, graph, after=FIRST, limit=PAGE_SIZE_MAX)
    return RunDetail.whole(row, values, counts, tasks)


@get(
    "/{run_id:str}/tasks",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="listTaskRuns",
    summary="List task runs",
)
def list_task_runs(
    services: Injected, run_id: FromPath[str], limit: Limit = PAGE_SIZE, cursor: Cursor = None
) -> TaskRunPage:
    """List a run's task runs in the order of the file, the items of a fan-out after it."""
    place = cursor_place(cursor)
    row = _run(services, run_id)
    graph = services.revisions.graph_to_show(row.revision_id)
    with services.database.read() as connection:
        return task_page(connection, row, graph, after=FIRST if place is None else Place(*place), limit=limit)


@get(
    "/{run_id:str}/explain",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="explainRun",
    summary="Explain a run",
)
def explain_run(services: Injected, run_id: FromPath[str]) -> Explanation:
    """Say what the run waits for: what the engine asks before it goes on, each with its answer."""
    row = _run(services, run_id)
    graph = services.revisions.graph_to_show(row.revision_id)
    with services.database.read() as connection:
        checks = Explainer(connection, services.database.now()).run(row, graph)
    return Explanation.of(summary_of(checks), checks)


@post(
    "/{run_id:str}/cancel",
    status_code=202,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="cancelRun",
    summary="Cancel a run",
)
def cancel_run(
    services: Injected,
    caller: Asking,
    run_id: FromPath[str],
    data: JSONBody[CancelRequest | None] = None,
    idempotency_key: IdempotencyKey = None,
) -> Run:
    """Ask for a run's end. The answer says that the wish is kept, not that the run has ended."""
    asked = data or CancelRequest()
    once = once_of(idempotency_key, asked, 202, Run.of)
    made = services.actions.cancel(checked_id(run_id), forced=asked.force, by=caller.name, once=once)
    return msgspec.convert(made.response, Run) if isinstance(made, Replay) else Run.of(made)


def _run(services: Services, run_id: str) -> reads.RunRow:
    with services.database.read() as connection:
        return found(reads.read_run(connection, checked_id(run_id)), f"run {run_id}")


HANDLERS = [list_runs, get_run, list_task_runs, explain_run, cancel_run]
