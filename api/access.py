"""Who may do what: one table of every operation, and the guard that holds to it.

An operation that is not in the table is for administrators alone, and fails a test.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from anyio import to_thread
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api.authentication import CALLER, CREDENTIALS
from api.parameters import read_workflow
from api.problems import FORBIDDEN, NOT_AUTHENTICATED, RefusedError
from dsl.namespaces import allows
from engine.accounts.roles import Caller, Role
from engine.services.refusals import UnknownError
from engine.store import reads_namespaces
from engine.store.connection import Connection


class Of(Enum):
    """Which namespace the role is asked for in."""

    OPEN = auto()
    """None: it is for everybody, or checks for itself who sends it."""
    ONESELF = auto()
    """None: it is for everybody who has an account."""
    SERVER = auto()
    """All of them: it belongs to the installation."""
    PATH = auto()
    """That of the path's `namespace`."""
    QUERY = auto()
    """That of the query's `namespace` or `workflow`; without one, all of them."""
    BADGE = auto()
    """That of the path's `namespace`, unless everybody may see its badges."""
    RUN = auto()
    """That of the path's run."""
    BACKFILL = auto()
    """That of the path's backfill."""
    SOURCE = auto()
    """That of the path's source."""


class Access(NamedTuple):
    """The least role for an operation, and where one must have it."""

    role: Role
    of: Of


_V, _O, _E, _A = Role.VIEWER, Role.OPERATOR, Role.EDITOR, Role.ADMIN

ACCESS: Final[Mapping[str, Access]] = {
    "live": Access(_V, Of.OPEN),
    "ready": Access(_V, Of.OPEN),
    "metrics": Access(_V, Of.SERVER),
    "validate": Access(_V, Of.ONESELF),
    # who asks
    "logIn": Access(_V, Of.OPEN),
    "carryOn": Access(_V, Of.OPEN),
    "logOut": Access(_V, Of.OPEN),
    "whoAmI": Access(_V, Of.ONESELF),
    "listTokens": Access(_V, Of.ONESELF),
    "createToken": Access(_V, Of.ONESELF),
    "revokeToken": Access(_V, Of.ONESELF),
    "changePassword": Access(_V, Of.ONESELF),
    "listAudit": Access(_A, Of.SERVER),
    "listAccounts": Access(_A, Of.SERVER),
    "getAccount": Access(_A, Of.SERVER),
    "createAccount": Access(_A, Of.SERVER),
    "disableAccount": Access(_A, Of.SERVER),
    "unlockAccount": Access(_A, Of.SERVER),
    "enableAccount": Access(_A, Of.SERVER),
    "grantRole": Access(_A, Of.SERVER),
    "revokeRole": Access(_A, Of.SERVER),
    # workflows
    "listWorkflows": Access(_V, Of.QUERY),
    "getWorkflow": Access(_V, Of.PATH),
    "listRevisions": Access(_V, Of.PATH),
    "getRevision": Access(_V, Of.PATH),
    "diffRevisions": Access(_V, Of.PATH),
    "listUpcoming": Access(_V, Of.PATH),
    "getBadge": Access(_V, Of.BADGE),
    "explainWorkflow": Access(_V, Of.PATH),
    "searchLogs": Access(_V, Of.PATH),
    "getAnalytics": Access(_V, Of.QUERY),
    "triggerRun": Access(_O, Of.PATH),
    "pauseWorkflow": Access(_O, Of.PATH),
    "resumeWorkflow": Access(_O, Of.PATH),
    "pinWorkflow": Access(_E, Of.PATH),
    "unpinWorkflow": Access(_E, Of.PATH),
    "restoreWorkflow": Access(_E, Of.PATH),
    "unrestoreWorkflow": Access(_E, Of.PATH),
    "listDrift": Access(_V, Of.QUERY),
    "receiveHook": Access(_V, Of.OPEN),
    # runs
    "listRuns": Access(_V, Of.QUERY),
    "getRun": Access(_V, Of.RUN),
    "listTaskRuns": Access(_V, Of.RUN),
    "explainRun": Access(_V, Of.RUN),
    "getLogs": Access(_V, Of.RUN),
    "followLogs": Access(_V, Of.RUN),
    "downloadLogs": Access(_V, Of.RUN),
    "listArtifacts": Access(_V, Of.RUN),
    "getArtifact": Access(_V, Of.RUN),
    "cancelRun": Access(_O, Of.RUN),
    "retryRun": Access(_O, Of.RUN),
    "cancelRuns": Access(_O, Of.ONESELF),  # each run by its own namespace: see api.batch
    "retryRuns": Access(_O, Of.ONESELF),
    "rerunRun": Access(_O, Of.RUN),
    "resumeRun": Access(_O, Of.RUN),
    "decideApproval": Access(_O, Of.RUN),
    "listApprovals": Access(_V, Of.SERVER),
    "listNotifications": Access(_V, Of.SERVER),
    # backfills
    "createBackfill": Access(_O, Of.PATH),
    "planBackfill": Access(_V, Of.PATH),
    "listBackfills": Access(_V, Of.QUERY),
    "getBackfill": Access(_V, Of.BACKFILL),
    "listBackfillTimes": Access(_V, Of.BACKFILL),
    "pauseBackfill": Access(_O, Of.BACKFILL),
    "resumeBackfill": Access(_O, Of.BACKFILL),
    "cancelBackfill": Access(_O, Of.BACKFILL),
    # sources
    "listSources": Access(_V, Of.SERVER),
    "getSource": Access(_V, Of.SOURCE),
    "listCommits": Access(_V, Of.SOURCE),
    "getCommit": Access(_V, Of.SOURCE),
    "planRef": Access(_V, Of.SOURCE),
    "planSource": Access(_V, Of.SOURCE),
    "syncSource": Access(_O, Of.SOURCE),
    "approveRemovals": Access(_E, Of.SOURCE),
    "suspendSource": Access(_E, Of.SOURCE),
    "resumeSource": Access(_E, Of.SOURCE),
    "declareSource": Access(_A, Of.SERVER),
    "changeSource": Access(_A, Of.SERVER),
    "removeSource": Access(_A, Of.SERVER),
    "receivePush": Access(_V, Of.OPEN),
    # the installation
    "listSecrets": Access(_E, Of.QUERY),
    "setSecret": Access(_E, Of.QUERY),
    "deleteSecret": Access(_E, Of.QUERY),
    "rotateSecrets": Access(_A, Of.SERVER),
    "listWorkers": Access(_V, Of.SERVER),
    "followEvents": Access(_V, Of.QUERY),
    "listWebhooks": Access(_A, Of.SERVER),
    "addWebhook": Access(_A, Of.SERVER),
    "getWebhook": Access(_A, Of.SERVER),
    "removeWebhook": Access(_A, Of.SERVER),
    "listDeliveries": Access(_A, Of.SERVER),
    "replayDelivery": Access(_A, Of.SERVER),
    "replayDead": Access(_A, Of.SERVER),
}
UNKNOWN: Final = Access(_A, Of.SERVER)

_Read = Callable[[Connection, str], str | None]
_NAMED: Final[Mapping[Of, tuple[str, str, _Read]]] = {
    Of.RUN: ("run", "run_id", reads_namespaces.of_run),
    Of.BACKFILL: ("backfill", "backfill_id", reads_namespaces.of_backfill),
    Of.SOURCE: ("source", "name", reads_namespaces.of_source),
}
"""What a path names, its parameter, and how its namespace is read."""


async def allowed(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse what the caller may not. Raises `RefusedError`, and `UnknownError` for what he may not even see."""
    operation = getattr(handler, "operation_id", None)
    access = UNKNOWN if not isinstance(operation, str) else ACCESS.get(operation, UNKNOWN)
    if access.of is Of.OPEN or _is_document(connection, operation):
        return
    if access.of is Of.BADGE and _is_public(connection):
        return
    caller: Caller | None = connection.scope["state"].get(CALLER)
    if caller is None:
        raise _unknown(connection)
    if access.of is Of.ONESELF or caller.may_everywhere(access.role):
        return
    namespaces, what = await _place(connection, access.of)
    for namespace in namespaces:
        if what and not caller.may(Role.VIEWER, namespace):
            raise UnknownError(f"there is no {what}")
        if not caller.may(access.role, namespace):
            raise RefusedError(FORBIDDEN, _lacking(caller, access, namespace))


async def _place(connection: ASGIConnection[Any, Any, Any, Any], of: Of) -> tuple[list[str], str]:
    """Return the namespaces, the empty one for what belongs to none, and what the path names.

    That there is such a thing is not told to who may not see it.
    """
    parameters = connection.path_params
    if of in {Of.PATH, Of.BADGE}:
        namespace = str(parameters["namespace"])
        return [namespace], f"workflow {namespace}/{parameters.get('name', '')}"
    if of is Of.QUERY:
        asked = connection.query_params
        named = [*asked.getall("namespace", []), *(read_workflow(text)[0] for text in asked.getall("workflow", []))]
        return named or [""], ""
    if of not in _NAMED:
        return [""], ""
    kind, parameter, read = _NAMED[of]
    wanted = str(parameters[parameter])
    database = connection.app.state.services.database

    def look() -> str | None:
        with database.read() as opened:
            return read(opened, wanted)

    return [await to_thread.run_sync(look) or ""], f"{kind} {wanted}"


def _is_public(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    patterns = connection.app.state.services.given.public_badges
    return bool(patterns) and allows(patterns, str(connection.path_params["namespace"]))


def _is_document(connection: ASGIConnection[Any, Any, Any, Any], operation: object) -> bool:
    """Whether it is the description of the API, which says nothing of what is here."""
    return operation is None and connection.scope["path"].startswith("/schema")


def _unknown(connection: ASGIConnection[Any, Any, Any, Any]) -> RefusedError:
    if connection.scope["state"].get(CREDENTIALS):
        return RefusedError(NOT_AUTHENTICATED, "the token is not known, or has expired\n  hint: chronoverse login")
    return RefusedError(NOT_AUTHENTICATED, "nobody says who asks\n  hint: send Authorization: Bearer TOKEN")


def _lacking(caller: Caller, access: Access, namespace: str) -> str:
    if namespace:
        return f"{caller.name} is not {access.role} in {namespace}"
    where = "\n  hint: name one with ?namespace= or ?workflow=" if access.of is Of.QUERY else ""
    return f"{caller.name} is not {access.role} in all namespaces{where}"
