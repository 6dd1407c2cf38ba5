"""Secrets: set from standard input or a prompt, listed by name, deleted, encrypted afresh."""

import sys
from typing import TYPE_CHECKING

import click

from cli.errors import CliError
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the commands that need them, so that `--help` stays fast
    from cli.client import ApiClient

namespace_option = click.option(
    "--namespace", "-n", default="", help="Where it belongs; without, to the whole installation."
)


@click.group()
def secret() -> None:
    """Values that workflows read and nobody sees."""


@secret.command("set")
@click.argument("name")
@namespace_option
@as_json
def set_secret(name: str, namespace: str, json_output: bool) -> None:
    """Set secret NAME. The value is read from standard input, or asked for; one line feed at its end is left out."""
    from api.schemas.secrets import Secret

    row = _client().put(f"/secrets/{_quoted(name)}", Secret, {"value": _value()}, {"namespace": namespace})
    print_json(row) if json_output else click.echo(f"{row.name} is set (version {row.version})")


@secret.command("list")
@click.option("--namespace", "-n", default=None, help="Only those of this namespace.")
@as_json
def list_secrets(namespace: str | None, json_output: bool) -> None:
    """List secrets by name; values cannot be read."""
    from api.schemas.secrets import SecretPage

    found = list(_client().pages("/secrets", SecretPage, {"namespace": namespace}))
    if json_output:
        print_json(found)
        return
    rows = ((item.namespace or "(all)", item.name, item.version, item.updated_at) for item in found)
    print_table(("NAMESPACE", "NAME", "VERSION", "SET AT"), rows, "no secrets")


@secret.command()
@click.argument("name")
@namespace_option
def delete(name: str, namespace: str) -> None:
    """Delete secret NAME."""
    _client().delete(f"/secrets/{_quoted(name)}", {"namespace": namespace})
    click.echo(f"{name} is deleted")


@secret.command()
@as_json
def rotate(json_output: bool) -> None:
    """Encrypt all secrets afresh with the first key of CHRONOVERSE_SECRET_KEY; then the others can go."""
    from api.schemas.secrets import Rotated

    done = _client().post("/secrets/rotate", Rotated)
    print_json(done) if json_output else click.echo(f"{done.rotated} secrets were encrypted afresh")


def _value() -> str:
    if sys.stdin.isatty():
        value: str = click.prompt("value", hide_input=True, confirmation_prompt=True)
        return value
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise CliError("the value is not UTF-8 text", "encode it, with base64 for one") from error
    return text.removesuffix("\n").removesuffix("\r")


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def _client() -> "ApiClient":
    from cli.client import ApiClient

    return ApiClient.of_environment()
