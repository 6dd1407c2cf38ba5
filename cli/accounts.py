"""Accounts, their roles and API tokens."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from cli.drift import end_of, for_option, until_option
from cli.output import as_json, print_json, print_table
from cli.passwords import asked

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.accounts import Account, Token

ROLES: Final = ("viewer", "operator", "editor", "admin")


class RoleParam(click.ParamType[tuple[str, str]]):
    """`ROLE`, or `ROLE:NAMESPACES` as `operator:data.*`."""

    name = "role[:namespaces]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the role and its namespaces."""
        if isinstance(value, tuple):
            return value
        role, colon, namespaces = str(value).partition(":")
        if role not in ROLES or (colon and not namespaces):
            self.fail(f"{value!r} is not a role: write one of {', '.join(ROLES)}, as operator:data.*", param, ctx)
        return role, namespaces or "*"


ROLE: Final = RoleParam()


@click.group()
def account() -> None:
    """Who may do what: accounts and their roles."""


@account.command("list")
@as_json
def list_accounts(json_output: bool) -> None:
    """List accounts with their roles."""
    from api.schemas.accounts import AccountPage
    from cli.client import ApiClient

    found = list(ApiClient.of_environment().pages("/accounts", AccountPage, {"limit": 200}))
    if json_output:
        print_json(found)
        return
    print_table(("ACCOUNT", "ROLES", "SINCE", "DISABLED"), (_row(item) for item in found), "no accounts")


@account.command()
@click.argument("name")
@click.option("--role", "-r", "roles", type=ROLE, multiple=True, help="A role, as operator:data.*; repeat it.")
@click.option("--no-password", is_flag=True, help="A program's account: it has tokens alone.")
@as_json
def add(name: str, roles: tuple[tuple[str, str], ...], no_password: bool, json_output: bool) -> None:
    """Add the account NAME; its password is asked for, or read from standard input.

    The first one must be an administrator (--role admin): from then on everybody has to say who he is.
    """
    password = None if no_password else asked("password", twice=True)
    given = [{"role": role, "namespaces": namespaces} for role, namespaces in roles]
    _show("POST", "/accounts", {"name": name, "password": password, "roles": given}, json_output=json_output)


@account.command()
@click.argument("name")
@as_json
def disable(name: str, json_output: bool) -> None:
    """Let NAME in no more: log-ins and tokens of the account count no more."""
    _show("POST", f"/accounts/{name}/disable", None, json_output=json_output)


@account.command()
@click.argument("name")
@as_json
def enable(name: str, json_output: bool) -> None:
    """Let NAME in again."""
    _show("POST", f"/accounts/{name}/enable", None, json_output=json_output)


@account.command()
@click.argument("name")
@as_json
def unlock(name: str, json_output: bool) -> None:
    """Let NAME log in at once, however many passwords were wrong."""
    _show("POST", f"/accounts/{name}/unlock", None, json_output=json_output)


@account.command()
@click.argument("name")
@click.argument("role", type=ROLE)
@as_json
def grant(name: str, role: tuple[str, str], json_output: bool) -> None:
    """Give NAME a ROLE, as operator:data.*, in place of the one that it has in those namespaces."""
    _show("PUT", f"/accounts/{name}/roles", {"role": role[0], "namespaces": role[1]}, json_output=json_output)


@account.command()
@click.argument("name")
@click.argument("namespaces", default="*")
@as_json
def revoke(name: str, namespaces: str, json_output: bool) -> None:
    """Take the role that NAME has in NAMESPACES (as it was given; `*` unless said)."""
    from api.schemas.accounts import Account
    from cli.client import ApiClient

    found = ApiClient.of_environment().take_back(f"/accounts/{name}/roles", Account, {"namespaces": namespaces})
    _print(found, json_output=json_output)


@account.command()
def password() -> None:
    """Change one's own password. Every log-in of the account ends."""
    from cli.client import ApiClient

    current, new = asked("current password"), asked("new password", twice=True)
    ApiClient.of_environment().tell("/me/password", {"current": current, "new": new})
    click.echo("changed; log in again")


@click.group()
def token() -> None:
    """API tokens: what programs prove themselves with."""


@token.command("create")
@click.argument("name")
@click.option("--role", type=ROLE, help="At most this, as viewer:data; else all that the account may.")
@click.option("--account", "owner", help="Of this account: for administrators.")
@for_option
@until_option
@as_json
def create_token(
    name: str,
    role: tuple[str, str] | None,
    owner: str | None,
    lasts: timedelta | None,
    until: datetime | None,
    json_output: bool,
) -> None:
    """Make an API token called NAME, and print it: it is not shown again."""
    from api.schemas.accounts import NewToken
    from cli.client import ApiClient

    body: dict[str, Any] = {"name": name, "account": owner, "expires_at": end_of(lasts, until)}
    if role is not None:
        body |= {"role": role[0], "namespaces": role[1]}
    made = ApiClient.of_environment().post("/tokens", NewToken, body)
    if json_output:
        print_json(made)
    else:
        click.echo(made.token)


@token.command("list")
@click.option("--account", "owner", help="Of this account: for administrators.")
@as_json
def list_tokens(owner: str | None, json_output: bool) -> None:
    """List API tokens, without what they are."""
    from api.schemas.accounts import TokenPage
    from cli.client import ApiClient

    found = ApiClient.of_environment().get("/tokens", TokenPage, {"account": owner}).items
    if json_output:
        print_json(found)
        return
    columns = ("TOKEN", "NAME", "AT MOST", "SINCE", "UNTIL", "LAST USED")
    print_table(columns, (_token_row(item) for item in found), "no tokens")


@token.command("revoke")
@click.argument("token_id")
@click.option("--account", "owner", help="Of this account: for administrators.")
def revoke_token(token_id: str, owner: str | None) -> None:
    """Revoke the API token TOKEN_ID (as `token list` shows it)."""
    from cli.client import ApiClient

    ApiClient.of_environment().delete(f"/tokens/{token_id}", {"account": owner})
    click.echo(f"token {token_id} counts no more")


def _show(method: str, path: str, body: dict[str, Any] | None, *, json_output: bool) -> None:
    from api.schemas.accounts import Account
    from cli.client import ApiClient

    client = ApiClient.of_environment()
    found = client.post(path, Account, body) if method == "POST" else client.put(path, Account, body or {})
    _print(found, json_output=json_output)


def _print(found: "Account", *, json_output: bool) -> None:
    if json_output:
        print_json(found)
    else:
        click.echo(f"{found.name}: {_roles(found)}{' (disabled)' if found.disabled_at is not None else ''}")


def _roles(item: "Account") -> str:
    return ", ".join(f"{role.role}:{role.namespaces}" for role in item.roles) or "no role"


def _row(item: "Account") -> tuple[Any, ...]:
    return (item.name, _roles(item), item.created_at, item.disabled_at or "")


def _token_row(item: "Token") -> tuple[Any, ...]:
    within = "" if item.within is None else f"{item.within.role}:{item.within.namespaces}"
    return (item.id, item.name, within, item.created_at, item.expires_at or "", item.last_used_at or "")
