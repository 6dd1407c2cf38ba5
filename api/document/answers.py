"""With which problems an operation may be answered, by what the operation is."""

from collections.abc import Mapping
from typing import Any, Final

from api.problems import MEDIA_TYPE

BASE: Final = "/api/v1/"

MEANINGS: Final[Mapping[int, str]] = {
    400: "A parameter of the request or its body is not what it should be.",
    401: "The request does not say who sends it, or is not signed as it should be.",
    403: "The caller may not do that, or the request comes from elsewhere.",
    404: "There is no such thing, or the caller may not see it.",
    409: "The present state does not allow it.",
    413: "The body is too large.",
    422: "The request is well formed, but does not fit.",
    429: "Too many passwords were wrong. `Retry-After` says how many seconds to wait.",
    500: "The server failed. Its log has the name that `detail` gives.",
    502: "The source cannot be read now.",
    503: "Something that is needed cannot be had now. Try again.",
    504: "It was not done in time.",
}

_EVERYWHERE: Final = {400, 401, 403, 500, 503}
_OUTSIDE: Final[Mapping[str, set[int]]] = {"live": {403, 500}, "ready": {403, 500}, "metrics": {401, 403, 500, 503}}
"""Of the operations that are not below `/api/v1`."""

_NAMING: Final = {"listRuns", "listBackfills", "getAnalytics", "listDrift", "cancelRuns", "retryRuns"}
"""They name a workflow, but not in the path."""

_STATEFUL: Final = {
    "addWebhook",
    "triggerRun",
    "resumeWorkflow",
    "pauseWorkflow",
    "pinWorkflow",
    "unpinWorkflow",
    "restoreWorkflow",
    "unrestoreWorkflow",
    "cancelRun",
    "retryRun",
    "rerunRun",
    "resumeRun",
    "decideApproval",
    "createBackfill",
    "planBackfill",
    "pauseBackfill",
    "resumeBackfill",
    "cancelBackfill",
    "receiveHook",
    "receivePush",
    "declareSource",
    "changeSource",
    "removeSource",
    "approveRemovals",
    "suspendSource",
    "resumeSource",
    "syncSource",
    "planRef",
    "planSource",
    "createAccount",
    "disableAccount",
    "revokeRole",
    "revokeToken",
    "createToken",
    "grantRole",
    "rotateSecrets",
    "setSecret",
}
"""They are refused in some states of what they act on."""

_PROVING: Final = {"logIn", "changePassword"}
"""They look at a password."""

_WAITING: Final = {"planRef", "planSource", "syncSource"}
"""They ask whoever reads the source, and wait for the answer."""


def statuses(operation: Mapping[str, Any], path: str) -> set[int]:
    """Return the statuses of the problems that an operation of the document may be answered with."""
    name = operation["operationId"]
    if not path.startswith(BASE):
        return set(_OUTSIDE.get(name, _EVERYWHERE))
    found = set(_EVERYWHERE)
    if "{" in path or name in _NAMING:
        found.add(404)
    if "requestBody" in operation:
        found |= {413, 422}
    if name in _STATEFUL:
        found.add(409)
    if name in _PROVING:
        found.add(429)
    if name in _WAITING:
        found |= {422, 502, 504}
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", [])):
        found.add(422)
    return found


def shared() -> dict[str, Any]:
    """Return the answers that operations refer to, by name."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {_name(status): {"description": text, "content": content} for status, text in MEANINGS.items()}


def referred(status: int) -> dict[str, str]:
    """Return how an operation refers to a shared answer."""
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: int) -> str:
    return f"Problem{status}"
