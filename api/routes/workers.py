"""Workers: their sessions."""

from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, cursor_id, page
from api.problems import RESPONSES
from api.schemas.workers import Worker, WorkerPage
from engine.store.reads_workers import list_sessions


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listWorkers", summary="List workers")
def list_workers(
    services: Injected,
    ended: Annotated[bool, QueryParameter(description="Also sessions that have ended.")] = False,
    limit: Limit = PAGE_SIZE,
    cursor: Cursor = None,
) -> WorkerPage:
    """List workers' sessions, newest first."""
    before = cursor_id(cursor)
    with services.database.read() as connection:
        rows, more = page(list_sessions(connection, ended=ended, before=before, limit=limit + 1), limit)
    now = services.database.now()
    return WorkerPage(items=[Worker.of(row, now) for row in rows], next=rows[-1].id if more else None)


ROUTER = Router("/workers", tags=["workers"], route_handlers=[list_workers])
