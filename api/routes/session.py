"""Oneself: log-ins, who one is, one's password and API tokens."""

from typing import Annotated, Any

from litestar import Request, Router, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from api.audit import asked_by
from api.authentication import Asking
from api.dependencies import Injected
from api.problems import FORBIDDEN, NOT_AUTHENTICATED, RESPONSES, RefusedError
from api.schemas.accounts import (
    LogIn,
    LogInRequest,
    Me,
    NewToken,
    PasswordRequest,
    RefreshRequest,
    Token,
    TokenPage,
    TokenRequest,
)
from engine.accounts.log_ins import NotAuthenticatedError
from engine.accounts.roles import Caller, Grant, Role
from engine.accounts.service import may_give
from engine.store.accounts import list_tokens

AnyRequest = Request[Any, Any, Any]
OfAccount = Annotated[str | None, QueryParameter(name="account", description="Of this account: for administrators.")]


@post("/session", status_code=200, sync_to_thread=True, responses=RESPONSES, operation_id="logIn", summary="Log in")
def log_in(services: Injected, data: JSONBody[LogInRequest], request: AnyRequest) -> LogIn:
    """Give tokens for a name and its password: an access token for ten minutes, a refresh token for the next pair."""
    asked_by(request, data.name)
    try:
        return LogIn.of(services.log_ins.log_in(data.name, data.password))
    except NotAuthenticatedError as error:
        raise RefusedError(NOT_AUTHENTICATED, str(error)) from error


@post(
    "/session/refresh",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="carryOn",
    summary="Carry a log-in on",
)
def carry_on(services: Injected, data: JSONBody[RefreshRequest], request: AnyRequest) -> LogIn:
    """Give the next tokens of a log-in. A refresh token that comes twice ends the log-in."""
    try:
        tokens = services.log_ins.carry_on(data.refresh_token)
    except NotAuthenticatedError as error:
        asked_by(request, error.account)
        raise RefusedError(NOT_AUTHENTICATED, f"{error}\n  hint: log in again") from error
    asked_by(request, tokens.account)
    return LogIn.of(tokens)


@post(
    "/session/end",
    status_code=204,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="logOut",
    summary="Log out",
)
def log_out(services: Injected, data: JSONBody[RefreshRequest], request: AnyRequest) -> None:
    """End a log-in: its refresh token counts no more, its access token for what is left of ten minutes."""
    asked_by(request, services.log_ins.log_out(data.refresh_token))


@get("/me", sync_to_thread=False, responses=RESPONSES, operation_id="whoAmI", summary="Say who asks")
def who_am_i(caller: Asking) -> Me:
    """Show who asks, and which roles he has where."""
    return Me.of(caller)


@post(
    "/me/password",
    status_code=204,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="changePassword",
    summary="Change one's password",
)
def change_password(services: Injected, caller: Asking, data: JSONBody[PasswordRequest]) -> None:
    """Change one's password. Every log-in of the account ends."""
    try:
        services.log_ins.check(caller.name, data.current)
    except NotAuthenticatedError as error:
        raise RefusedError(FORBIDDEN, "the current password is wrong") from error
    services.accounts.set_password(caller.name, data.new)


@get("/tokens", sync_to_thread=True, responses=RESPONSES, operation_id="listTokens", summary="List API tokens")
def list_all(services: Injected, caller: Asking, account: OfAccount = None) -> TokenPage:
    """List one's API tokens, or those of an account."""
    with services.database.read() as connection:
        return TokenPage(items=[Token.of(row) for row in list_tokens(connection, _whose(caller, account))])


@post("/tokens", sync_to_thread=True, responses=RESPONSES, operation_id="createToken", summary="Make an API token")
def create_token(services: Injected, caller: Asking, data: JSONBody[TokenRequest]) -> NewToken:
    """Make an API token. It may what its account may, and no more than `role` in `namespaces` where that is said."""
    within = None if data.role is None else Grant(Role(data.role), data.namespaces)
    if caller.within is not None and (within is None or not may_give(caller, within)):
        raise RefusedError(FORBIDDEN, "a token cannot make one that may more\n  hint: say role and namespaces")
    account = _whose(caller, data.account)
    made = services.accounts.add_token(account, data.name, within=within, expires_at=data.expires_at)
    return NewToken.shown(made.row, made.token)


@delete(
    "/tokens/{token_id:str}",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="revokeToken",
    summary="Revoke an API token",
)
def revoke_token(services: Injected, caller: Asking, token_id: FromPath[str], account: OfAccount = None) -> None:
    """Revoke one of one's API tokens, or one of an account's."""
    services.accounts.drop_token(_whose(caller, account), token_id)


def _whose(caller: Caller, account: str | None) -> str:
    """Return whose tokens are asked for: another's are for administrators."""
    if account is None or account == caller.name:
        return caller.name
    if not caller.may_everywhere(Role.ADMIN):
        raise RefusedError(FORBIDDEN, f"the tokens of {account} are for administrators")
    return account


ROUTER = Router(
    "",
    tags=["accounts"],
    route_handlers=[
        log_in,
        carry_on,
        log_out,
        who_am_i,
        change_password,
        list_all,
        create_token,
        revoke_token,
    ],
)
