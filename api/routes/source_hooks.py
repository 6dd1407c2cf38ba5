"""Push webhooks: a forge says that there is something new."""

from typing import Any, Final

from litestar import Request, Router, post
from litestar.params import FromPath, RawBody

from api.audit import asked_by
from api.dependencies import Injected
from api.problems import RESPONSES
from api.schemas.source_hooks import PushAnswer

PUSH_BYTES_MAX: Final = 25 * 1024 * 1024
"""GitHub sends no more (docs.github.com: "Webhook events and payloads", payload cap)."""


@post(
    "/{name:str}/hook",
    status_code=202,
    sync_to_thread=True,
    responses=RESPONSES,
    request_max_body_size=PUSH_BYTES_MAX,
    operation_id="receivePush",
    summary="Hear of a push",
)
def receive(services: Injected, request: Request[Any, Any, Any], body: RawBody, name: FromPath[str]) -> PushAnswer:
    """Take a push webhook of GitHub, GitLab, Gitea, Forgejo or Bitbucket that is signed with the secret of the source.

    A push to what the source follows has it looked at now. The same delivery again within a day is answered as before.
    """
    heard = services.source_hooks.receive(name, dict(request.headers), body)
    asked_by(request, f"source {name}")
    return PushAnswer(outcome=heard.outcome, message=heard.message, commit=heard.commit)


ROUTER = Router("/sources", tags=["sources"], route_handlers=[receive])
