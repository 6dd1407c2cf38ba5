"""Accounts and their roles: for administrators."""

from typing import Annotated

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, found, page
from api.problems import RESPONSES
from api.schemas.accounts import Account, AccountPage, AccountRequest, RoleIn
from engine.accounts.roles import Grant, Role
from engine.store import accounts as store


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listAccounts", summary="List accounts")
def list_accounts(services: Injected, limit: Limit = PAGE_SIZE, cursor: Cursor = None) -> AccountPage:
    """List accounts by name, with their roles."""
    with services.database.read() as connection:
        rows, more = page(store.list_accounts(connection, cursor or "", limit + 1), limit)
    return AccountPage(items=[Account.of(row) for row in rows], next=rows[-1].name if more else None)


@get("/{name:str}", sync_to_thread=True, responses=RESPONSES, operation_id="getAccount", summary="Show an account")
def get_account(services: Injected, name: FromPath[str]) -> Account:
    """Show an account with its roles."""
    with services.database.read() as connection:
        return Account.of(found(store.read_account(connection, name), f"account {name}"))


@post("/", sync_to_thread=True, responses=RESPONSES, operation_id="createAccount", summary="Add an account")
def create_account(services: Injected, data: JSONBody[AccountRequest]) -> Account:
    """Add an account. The first one must be an administrator: from then on everybody has to say who he is."""
    grants = [Grant(Role(item.role), item.namespaces) for item in data.roles]
    added = services.accounts.add(data.name, data.password, grants)
    services.gate.look_again()
    return Account.of(added)


@post(
    "/{name:str}/disable",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="disableAccount",
    summary="Disable an account",
)
def disable_account(services: Injected, name: FromPath[str]) -> Account:
    """Let an account in no more: its log-ins and its tokens count no more."""
    return Account.of(services.accounts.disable(name))


@post(
    "/{name:str}/enable",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="enableAccount",
    summary="Enable an account",
)
def enable_account(services: Injected, name: FromPath[str]) -> Account:
    """Let an account in again, and its tokens with it."""
    return Account.of(services.accounts.disable(name, disabled=False))


@post(
    "/{name:str}/unlock",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="unlockAccount",
    summary="Let log in again",
)
def unlock_account(services: Injected, name: FromPath[str]) -> Account:
    """Forget which passwords of an account were wrong, so that it can log in at once."""
    with services.database.read() as connection:
        account = found(store.read_account(connection, name), f"account {name}")
    services.log_ins.unlock(name)
    return Account.of(account)


@put(
    "/{name:str}/roles",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="grantRole",
    summary="Give a role",
)
def grant_role(services: Injected, name: FromPath[str], data: JSONBody[RoleIn]) -> Account:
    """Give a role in namespaces, in place of the one there."""
    return Account.of(services.accounts.grant(name, Grant(Role(data.role), data.namespaces)))


@delete(
    "/{name:str}/roles",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="revokeRole",
    summary="Take a role",
)
def revoke_role(
    services: Injected,
    name: FromPath[str],
    namespaces: Annotated[str, QueryParameter(description="As it was given: `*`, `data`, `data.*`.")] = "*",
) -> Account:
    """Take the role that an account has in namespaces."""
    return Account.of(services.accounts.revoke(name, namespaces))


ROUTER = Router(
    "/accounts",
    tags=["accounts"],
    route_handlers=[
        list_accounts,
        get_account,
        create_account,
        disable_account,
        enable_account,
        unlock_account,
        grant_role,
        revoke_role,
    ],
)
