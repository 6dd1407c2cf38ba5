"""Approvals: what waits for a person, and the person's answer."""

from typing import Annotated

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from api.authentication import Asking
from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, page
from api.parameters import run_id as checked_id
from api.problems import RESPONSES
from api.schemas.approvals import Approval, ApprovalPage, DecisionRequest
from api.schemas.runs import TaskRun
from engine.services.approvals import Decision
from engine.store.reads_tasks import list_approvals

Item = Annotated[str, QueryParameter(name="key", description="The `key` of the item, where the task is a fan-out.")]


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listApprovals", summary="List approvals")
def list_open(services: Injected, limit: Limit = PAGE_SIZE, cursor: Cursor = None) -> ApprovalPage:
    """List what waits for a person, the oldest runs first."""
    with services.database.read() as connection:
        rows, more = page(list_approvals(connection, after=cursor, limit=limit + 1), limit)
    return ApprovalPage(items=[Approval.of(row) for row in rows], next=rows[-1].task_run_id if more else None)


@post(
    "/{run_id:str}/approvals/{task:str}",
    status_code=202,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="decideApproval",
    summary="Answer an approval",
)
def decide(
    services: Injected,
    caller: Asking,
    run_id: FromPath[str],
    task: FromPath[str],
    data: JSONBody[DecisionRequest],
    key: Item = "",
) -> TaskRun:
    """Approve or reject. The answer says that the decision is kept; the first one counts."""
    decision = Decision(data.approved, caller.name, data.comment)
    row = services.approvals.decide(checked_id(run_id), task, key, decision)
    return TaskRun.of(row, ())


ROUTER = Router("/approvals", tags=["approvals"], route_handlers=[list_open])
HANDLERS = [decide]
"""Of one run, below `/runs`."""
