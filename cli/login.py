"""Logging in and out, and who one is."""

from typing import TYPE_CHECKING

import click

from cli.output import as_json, print_json
from cli.passwords import asked

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.accounts import Me


@click.command()
@click.argument("name")
def login(name: str) -> None:
    """Log in as NAME; the password is asked for, or read from standard input."""
    from api.schemas.accounts import LogIn
    from cli.client import ApiClient
    from cli.credentials import LogIns, kept

    client = ApiClient.of_environment()
    answer = client.post("/session", LogIn, {"name": name, "password": asked("password")})
    LogIns.of_person().keep(client.url, kept(answer))
    click.echo(f"logged in at {client.url} as {name}")


@click.command()
def logout() -> None:
    """Log out: what was kept of the log-in counts no more."""
    from cli.client import ApiClient
    from cli.credentials import LogIns

    client = ApiClient.of_environment()
    dropped = LogIns.of_person().drop(client.url)
    if dropped is None:
        click.echo(f"nobody was logged in at {client.url}")
        return
    client.tell("/session/end", {"refresh_token": dropped.refresh_token})
    click.echo(f"logged out at {client.url}")


@click.command()
@as_json
def whoami(json_output: bool) -> None:
    """Show who the API takes one for, and which roles one has where."""
    from api.schemas.accounts import Me
    from cli.client import ApiClient

    me = ApiClient.of_environment().get("/me", Me)
    if json_output:
        print_json(me)
    else:
        click.echo(_shown(me))


def _shown(me: "Me") -> str:
    roles = ", ".join(f"{role.role} in {role.namespaces}" for role in me.roles) or "no role"
    within = "" if me.within is None else f"; this token: at most {me.within.role} in {me.within.namespaces}"
    return f"{me.name}: {roles}{within}"
