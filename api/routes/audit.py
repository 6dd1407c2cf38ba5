"""The audit log: who asked for what, when, from where, and how it ended."""

from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, Moment, page, read_moment, read_uuid
from api.problems import RESPONSES
from api.schemas.audit import AuditEntry, AuditPage
from engine.store.audit import AuditFilter, list_audit


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listAudit", summary="List who did what")
def list_all(
    services: Injected,
    who: Annotated[str | None, QueryParameter(description="The name of an account.")] = None,
    operation: Annotated[str | None, QueryParameter(description="An operation's id, as `triggerRun`.")] = None,
    refused: Annotated[
        bool | None, QueryParameter(description="Only what was refused or failed, or only the rest.")
    ] = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = PAGE_SIZE,
    cursor: Cursor = None,
) -> AuditPage:
    """List requests that may change something, newest first. What they sent is not kept."""
    wanted = AuditFilter(
        who=who,
        operation=operation,
        refused=refused,
        since=read_moment("since", since),
        until=read_moment("until", until),
    )
    before = None if cursor is None else read_uuid("query.cursor", cursor, "take it from `next` of the page before")
    with services.database.read() as connection:
        rows, more = page(list_audit(connection, wanted, before=before, limit=limit + 1), limit)
    return AuditPage(items=[AuditEntry.of(row) for row in rows], next=rows[-1].id if more else None)


ROUTER = Router("/audit", tags=["accounts"], route_handlers=[list_all])
