"""Webhook triggers: signed requests from outside."""

from typing import Any

from litestar import Request, Router, post
from litestar.params import FromPath, RawBody

from api.audit import asked_by
from api.dependencies import Injected
from api.problems import RESPONSES
from api.schemas.hooks import HookAnswer


@post(
    "/{namespace:str}/{name:str}/{trigger:str}",
    status_code=202,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="receiveHook",
    summary="Start a run by a webhook",
)
def receive(
    services: Injected,
    request: Request[Any, Any, Any],
    body: RawBody,
    namespace: FromPath[str],
    name: FromPath[str],
    trigger: FromPath[str],
) -> HookAnswer:
    """Take a request that is signed with the trigger's secret: `X-Hub-Signature-256`, or `X-Chronoverse-Signature`.

    The same signature again, within a day, is answered as before and starts nothing.
    """
    received = services.hooks.receive(namespace, name, trigger, dict(request.headers), body)
    asked_by(request, f"trigger {namespace}/{name}/{trigger}")
    return HookAnswer(outcome=received.outcome, run=received.run, message=received.message)


ROUTER = Router("/hooks", tags=["hooks"], route_handlers=[receive])
