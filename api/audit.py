"""Every request that may change something is written down: who, what, when, from where, and how it ended.

Only what nobody answers for is not: a request without credentials, or a webhook that is not signed as it should be,
changes nothing, and anybody on the network could fill the database with it.
"""

from datetime import datetime
from typing import Any, Final

from anyio import CancelScope, sleep, to_thread
from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from api.authentication import CALLER
from api.hosts import SAFE_METHODS
from engine.accounts.roles import Caller
from engine.clock import Clock, NewId
from engine.services.audit_log import AuditLog
from engine.store.audit import AuditRow

_WHO: Final = "audit_who"
_UNANSWERED: Final = 500


class Audited:
    """Middleware around the one that tells who asks. It writes `linger_seconds` after the answer, and delays none.

    What a request sets off goes first: a write of our own at once would stand in the way of it.
    """

    def __init__(self, app: ASGIApp, log: AuditLog, clock: Clock, ids: NewId, linger_seconds: float) -> None:
        self._app = app
        self._log = log
        self._clock = clock
        self._ids = ids
        self._linger_seconds = linger_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and write."""
        if scope["type"] != ScopeType.HTTP or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        row_id, at, status = self._ids(), self._clock(), _UNANSWERED

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watching)
        finally:
            row = _row(scope, row_id, at, status)
            if row.who and self._log.add(row):
                with CancelScope(shield=True):  # who goes away meanwhile has asked all the same
                    await sleep(self._linger_seconds)
                    await to_thread.run_sync(self._log.write)


def asked_by(request: Request[Any, Any, Any], who: str) -> None:
    """Say who asks, where no token tells: the name that somebody logs in with, the trigger whose secret has signed."""
    request.scope["state"][_WHO] = who


def _row(scope: HTTPScope, row_id: str, at: datetime, status: int) -> AuditRow:
    caller: Caller | None = scope["state"].get(CALLER)
    query = scope["query_string"].decode("latin-1")
    return AuditRow(
        id=row_id,
        at=at,
        who=scope["state"].get(_WHO) or (caller.name if caller is not None else ""),
        operation=str(getattr(scope["route_handler"], "operation_id", None) or ""),
        method=scope["method"],
        path=scope["path"] + (f"?{query}" if query else ""),
        address=scope["client"][0] if scope["client"] else "",
        agent=_agent(scope),
        status=status,
    )


def _agent(scope: HTTPScope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), "")
