"""Every request that may change something is written down: who, what, when, from where, and how it ended."""

from datetime import datetime
from typing import Final

from anyio import CancelScope, to_thread
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from api.authentication import CALLER
from api.hosts import SAFE_METHODS
from engine.accounts.roles import Caller
from engine.clock import Clock, NewId
from engine.services.audit_log import AuditLog
from engine.store.audit import AuditRow

WHO: Final = "audit_who"
"""Where a handler puts the name of somebody who has yet to prove himself."""
UNANSWERED: Final = 500


class Audited:
    """Middleware around the one that tells who asks. It writes when the answer has been sent, and delays none."""

    def __init__(self, app: ASGIApp, log: AuditLog, clock: Clock, ids: NewId) -> None:
        self._app = app
        self._log = log
        self._clock = clock
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and write."""
        if scope["type"] != ScopeType.HTTP or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        row_id, at, status = self._ids(), self._clock(), UNANSWERED

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watching)
        finally:
            with CancelScope(shield=True):  # who goes away meanwhile has asked all the same
                await to_thread.run_sync(self._log.note, _row(scope, row_id, at, status))


def _row(scope: HTTPScope, row_id: str, at: datetime, status: int) -> AuditRow:
    caller: Caller | None = scope["state"].get(CALLER)
    query = scope["query_string"].decode("latin-1")
    return AuditRow(
        id=row_id,
        at=at,
        who=caller.name if caller is not None else str(scope["state"].get(WHO, "")),
        operation=str(getattr(scope["route_handler"], "operation_id", None) or ""),
        method=scope["method"],
        path=scope["path"] + (f"?{query}" if query else ""),
        address=scope["client"][0] if scope["client"] else "",
        agent=_agent(scope),
        status=status,
    )


def _agent(scope: HTTPScope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), "")
