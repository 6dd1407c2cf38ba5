"""Workflows: listed, shown, explained, triggered, paused and resumed."""

from typing import Annotated

from litestar import Response, Router, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from api.authentication import Asking
from api.dependencies import Injected
from api.once import once_of, run_of
from api.parameters import (
    PAGE_SIZE,
    PAGE_SIZE_MAX,
    Cursor,
    IdempotencyKey,
    Labels,
    Limit,
    cursor_number,
    found,
    page,
    read_labels,
    refused,
)
from api.problems import RESPONSES
from api.schemas.runs import Run, RunRequest
from api.schemas.states import Explanation
from api.schemas.workflows import (
    PauseRequest,
    Revision,
    RevisionDetail,
    RevisionDiff,
    RevisionPage,
    Trigger,
    Upcoming,
    UpcomingPage,
    Workflow,
    WorkflowDetail,
    WorkflowPage,
)
from engine.services.explanations import Explainer, summary_of
from engine.services.upcoming import upcoming
from engine.store import reads_workflows as reads
from engine.store.overrides import Account


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listWorkflows", summary="List workflows")
def list_workflows(
    services: Injected,
    namespace: Annotated[str | None, QueryParameter()] = None,
    label: Labels = None,
    paused: Annotated[bool | None, QueryParameter(description="Only those paused, or only those not.")] = None,
    archived: Annotated[bool, QueryParameter(description="Those removed from their source, instead.")] = False,
    limit: Limit = PAGE_SIZE,
    cursor: Cursor = None,
) -> WorkflowPage:
    """List workflows by namespace and name."""
    wanted = reads.WorkflowFilter(namespace=namespace, labels=read_labels(label), paused=paused, archived=archived)
    after = None if cursor is None else _after(cursor)
    with services.database.read() as connection:
        rows, more = page(reads.list_workflows(connection, wanted, after=after, limit=limit + 1), limit)
    following = f"{rows[-1].namespace}/{rows[-1].name}" if more else None
    return WorkflowPage(items=[Workflow.of(row) for row in rows], next=following)


@get(
    "/{namespace:str}/{name:str}",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="getWorkflow",
    summary="Show a workflow",
)
def get_workflow(services: Injected, namespace: FromPath[str], name: FromPath[str]) -> WorkflowDetail:
    """Show a workflow with its active revision, its triggers, and whether it is ready."""
    with services.database.read() as connection:
        row = found(reads.read_workflow(connection, namespace, name), f"workflow {namespace}/{name}")
        triggers = reads.read_triggers(connection, row.id)
        active = None
        if row.active_revision is not None:
            active = reads.read_revision(connection, row.id, row.active_revision)
    revision = None if active is None else RevisionDetail.with_document(*active)
    return WorkflowDetail.whole(row, revision, [Trigger.of(trigger) for trigger in triggers])


@get(
    "/{namespace:str}/{name:str}/revisions",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="listRevisions",
    summary="List revisions",
)
def list_revisions(
    services: Injected, namespace: FromPath[str], name: FromPath[str], limit: Limit = PAGE_SIZE, cursor: Cursor = None
) -> RevisionPage:
    """List a workflow's revisions, newest first."""
    before = cursor_number(cursor)
    with services.database.read() as connection:
        row = found(reads.read_workflow(connection, namespace, name), f"workflow {namespace}/{name}")
        rows, more = page(reads.list_revisions(connection, row.id, before=before, limit=limit + 1), limit)
    return RevisionPage(items=[Revision.of(found) for found in rows], next=str(rows[-1].number) if more else None)


@get(
    "/{namespace:str}/{name:str}/revisions/{number:int}",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="getRevision",
    summary="Show a revision",
)
def get_revision(
    services: Injected, namespace: FromPath[str], name: FromPath[str], number: FromPath[int]
) -> RevisionDetail:
    """Show one revision with its document."""
    with services.database.read() as connection:
        row = found(reads.read_workflow(connection, namespace, name), f"workflow {namespace}/{name}")
        revision = reads.read_revision(connection, row.id, min(number, 2**31 - 1))
    return RevisionDetail.with_document(*found(revision, f"revision {number} of {namespace}/{name}"))


@get(
    "/{namespace:str}/{name:str}/revisions/{number:int}/diff/{other:int}",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="diffRevisions",
    summary="Compare two revisions",
)
def diff_revisions(
    services: Injected, namespace: FromPath[str], name: FromPath[str], number: FromPath[int], other: FromPath[int]
) -> RevisionDiff:
    """Show what differs between two revisions, field by field, and whether they check out other files."""
    with services.database.read() as connection:
        row = found(reads.read_workflow(connection, namespace, name), f"workflow {namespace}/{name}")
        before, after = (
            found(
                reads.read_revision(connection, row.id, min(each, 2**31 - 1)), f"revision {each} of {namespace}/{name}"
            )
            for each in (number, other)
        )
    return RevisionDiff.between(before, after)


@get(
    "/{namespace:str}/{name:str}/upcoming",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="listUpcoming",
    summary="List firings to come",
)
def list_upcoming(
    services: Injected,
    namespace: FromPath[str],
    name: FromPath[str],
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_SIZE_MAX)] = 10,
) -> UpcomingPage:
    """List the next firings of all the workflow's schedules; none while it is paused."""
    with services.database.read() as connection:
        row = found(reads.read_workflow(connection, namespace, name), f"workflow {namespace}/{name}")
        resting = row.paused_at is not None or row.archived_at is not None
        triggers = [] if resting else reads.read_triggers(connection, row.id)
    firings = upcoming(triggers, services.given.clock(), limit)
    return UpcomingPage(items=[Upcoming(trigger=item.trigger, fire_time=item.fire_time) for item in firings])


@get(
    "/{namespace:str}/{name:str}/explain",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="explainWorkflow",
    summary="Explain",
)
def explain_workflow(services: Injected, namespace: FromPath[str], name: FromPath[str]) -> Explanation:
    """Say whether the workflow can run and when it will: what the engine asks, each with its answer."""
    with services.database.read() as connection:
        row = found(reads.read_workflow(connection, namespace, name), f"workflow {namespace}/{name}")
    graph = services.revisions.graph_to_show(row.active_revision_id) if row.active_revision_id is not None else None
    with services.database.read() as connection:
        checks = Explainer(connection, services.database.now()).workflow(row, graph)
    return Explanation.of(summary_of(checks), checks)


@post(
    "/{namespace:str}/{name:str}/runs",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="triggerRun",
    summary="Trigger a run",
)
def trigger_run(
    services: Injected,
    namespace: FromPath[str],
    name: FromPath[str],
    data: JSONBody[RunRequest | None] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[Run]:
    """Create a run of the active revision. A paused workflow runs all the same: pausing stops its triggers."""
    asked = data or RunRequest()
    once = once_of(idempotency_key, asked, 201, Run.created)
    return created(run_of(services.actions.trigger(namespace, name, asked.inputs, labels=asked.labels, once=once)))


@post(
    "/{namespace:str}/{name:str}/pause",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="pauseWorkflow",
    summary="Pause a workflow",
)
def pause_workflow(
    services: Injected,
    caller: Asking,
    namespace: FromPath[str],
    name: FromPath[str],
    data: JSONBody[PauseRequest | None] = None,
) -> Workflow:
    """Let a workflow's triggers rest, until it is resumed or until a moment. Runs go on.

    One that is paused already stays as it is, but for the moment.
    """
    asked = data or PauseRequest()
    return Workflow.of(services.overrides.pause(namespace, name, Account(caller.name, asked.reason, asked.until)))


@post(
    "/{namespace:str}/{name:str}/resume",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="resumeWorkflow",
    summary="Resume a workflow",
)
def resume_workflow(services: Injected, namespace: FromPath[str], name: FromPath[str]) -> Workflow:
    """Let a workflow's triggers fire again. The time meanwhile is not caught up."""
    return Workflow.of(services.actions.resume(namespace, name))


def created(run: Run) -> Response[Run]:
    """Return the answer to a request that made a run."""
    return Response(run, status_code=201, headers={"Location": f"/api/v1/runs/{run.id}"})


def _after(cursor: str) -> tuple[str, str]:
    namespace, slash, name = cursor.partition("/")
    if not slash:
        raise refused("query.cursor", f"{cursor!r} is not a cursor", "take it from `next` of the page before")
    return namespace, name


ROUTER = Router(
    "/workflows",
    tags=["workflows"],
    route_handlers=[
        list_workflows,
        get_workflow,
        list_revisions,
        get_revision,
        diff_revisions,
        list_upcoming,
        explain_workflow,
        trigger_run,
        pause_workflow,
        resume_workflow,
    ],
)
