"""Against the source: workflows pinned and restored by hand, and the list of all that was changed by hand."""

from typing import Annotated, Any, Final

from litestar import Router, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from api.authentication import Asking
from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, page, refused
from api.problems import RESPONSES
from api.schemas.drift import Drift, DriftPage
from api.schemas.workflows import PinRequest, RestoreRequest, Workflow
from engine.store.overrides import Account
from engine.store.reads_drift import read_drift

SEPARATOR: Final = ":"


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listDrift", summary="List what was changed by hand")
def list_drift(
    services: Injected,
    namespace: Annotated[str | None, QueryParameter(description="Only of this namespace.")] = None,
    limit: Limit = PAGE_SIZE,
    cursor: Cursor = None,
) -> DriftPage:
    """List what differs from what the sources say because somebody wants it so: by whom, why, and until when."""
    after = None if cursor is None else _place(cursor)
    with services.database.read() as connection:
        rows = [row for row in read_drift(connection, namespace) if after is None or row.key > after]
    shown, more = page(rows[: limit + 1], limit)
    return DriftPage(items=[Drift.of(row) for row in shown], next=SEPARATOR.join(shown[-1].key) if more else None)


@post(
    "/{namespace:str}/{name:str}/pin",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="pinWorkflow",
    summary="Pin a workflow at a revision",
)
def pin_workflow(
    services: Injected, caller: Asking, namespace: FromPath[str], name: FromPath[str], data: JSONBody[PinRequest]
) -> Workflow:
    """Make a revision active, with its triggers, and hold it: a sync keeps newer ones, and does not make them active.

    Runs go on as they began. Pinning again moves the pin.
    """
    account = Account(caller.name, data.reason, data.until)
    return Workflow.of(services.overrides.pin(namespace, name, data.revision, account))


@delete(
    "/{namespace:str}/{name:str}/pin",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="unpinWorkflow",
    summary="Unpin a workflow",
)
def unpin_workflow(services: Injected, namespace: FromPath[str], name: FromPath[str]) -> Workflow:
    """Make the newest revision active again, with its triggers. One that is not pinned stays as it is."""
    return Workflow.of(services.overrides.unpin(namespace, name))


@post(
    "/{namespace:str}/{name:str}/restore",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="restoreWorkflow",
    summary="Restore a removed workflow",
)
def restore_workflow(
    services: Injected,
    caller: Asking,
    namespace: FromPath[str],
    name: FromPath[str],
    data: JSONBody[RestoreRequest | None] = None,
) -> Workflow:
    """Bring a workflow back that was removed from its source, as it was last, until its file is there again."""
    asked = data or RestoreRequest()
    return Workflow.of(services.overrides.restore(namespace, name, Account(caller.name, asked.reason, asked.until)))


@delete(
    "/{namespace:str}/{name:str}/restore",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="unrestoreWorkflow",
    summary="Let go of a restored workflow",
)
def unrestore_workflow(services: Injected, namespace: FromPath[str], name: FromPath[str]) -> Workflow:
    """Archive a workflow again that was restored."""
    return Workflow.of(services.overrides.unrestore(namespace, name))


def _place(cursor: str) -> tuple[str, str, str, str]:
    parts = cursor.split(SEPARATOR)
    if len(parts) != 4:
        raise refused("query.cursor", f"{cursor!r} is not a cursor", "take it from `next` of the page before")
    return parts[0], parts[1], parts[2], parts[3]


HANDLERS: Final[list[Any]] = [pin_workflow, unpin_workflow, restore_workflow, unrestore_workflow]
OF_WORKFLOWS = Router("/workflows", tags=["workflows"], route_handlers=HANDLERS)
ROUTER = Router("/drift", tags=["workflows"], route_handlers=[list_drift])
