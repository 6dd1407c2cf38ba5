"""Who asks: told by the token that a request carries, before anything else is made of it."""

from typing import Final

from anyio import to_thread
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.params import SkipValidation
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from api.hosts import refuse_strangers
from engine.accounts.gate import Gate
from engine.accounts.roles import LOCAL, Caller

CALLER: Final = "caller"
CREDENTIALS: Final = "credentials"
_SCHEME: Final = "bearer "


class Authenticated:
    """Middleware: puts the caller, or None, into the request's state as `caller`.

    While nobody has to prove himself, only this machine's own programs and pages may ask (`api.hosts`).
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell who asks, and pass on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
        elif await to_thread.run_sync(self._gate.is_open) if self._gate.must_look else not self._gate.closed:
            scope["state"][CALLER] = LOCAL
            if not await refuse_strangers(scope, send):
                await self._app(scope, receive, send)
        else:
            token = _token(scope)
            scope["state"][CREDENTIALS] = bool(token)
            scope["state"][CALLER] = await to_thread.run_sync(self._gate.caller, token) if token else None
            await self._app(scope, receive, send)


def caller_of(request: Request) -> Caller:  # type: ignore[type-arg]
    """Return who asks, for a handler: the guard has let him in."""
    caller: Caller = request.scope["state"][CALLER]
    return caller


Asking = NamedDependency[SkipValidation[Caller]]
"""How a handler asks for `caller`."""


def _token(scope: HTTPScope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            text = value.decode("latin-1")
            return text[len(_SCHEME) :].strip() if text.lower().startswith(_SCHEME) else ""
    return ""
