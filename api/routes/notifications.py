"""Notices of runs' ends: what was sent, what waits, what was given up."""

from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, cursor_number, page
from api.problems import RESPONSES
from api.schemas.notifications import Notice, NoticePage, NoticeState
from engine.store.notices import list_notices


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listNotifications", summary="List notifications")
def list_all(
    services: Injected,
    states: Annotated[list[NoticeState] | None, QueryParameter(name="state", description="Any of these.")] = None,
    limit: Limit = PAGE_SIZE,
    cursor: Cursor = None,
) -> NoticePage:
    """List notices, newest first."""
    before = cursor_number(cursor)
    wanted = [str(state) for state in states or []]
    with services.database.read() as connection:
        rows, more = page(list_notices(connection, states=wanted, before=before, limit=limit + 1), limit)
    return NoticePage(items=[Notice.of(row) for row in rows], next=str(rows[-1].id) if more else None)


ROUTER = Router("/notifications", tags=["notifications"], route_handlers=[list_all])
