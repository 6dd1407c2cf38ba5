"""What a server is configured with, checked or made without a server."""

import sys
from pathlib import Path

import click

from cli.deployment_secrets import make_secrets
from cli.errors import CliError
from cli.validation import FORMATS


@click.group()
def config() -> None:
    """The server's configuration file, and the secrets of a deployment."""


config.add_command(make_secrets)


@config.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "style", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
def check(file: Path | None, style: str) -> None:
    """Check FILE, or the file that a server here would read. Exits 1 if it has faults."""
    from engine.configuration import NAME, check_configuration
    from engine.settings import Settings, SettingsError

    try:
        path = file or Settings.read().config or Path(NAME)
    except SettingsError as error:
        message, _, hint = str(error).partition("\n  hint: ")
        raise CliError(message, hint) from error
    try:
        found = check_configuration(path.read_bytes(), str(path))
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror or error}", "name the file") from error
    click.echo(found.rendered(style), nl=False)
    if style == "text":
        click.echo(f"{len(found.sources)} sources fine, {len(found.diagnostics)} faults", err=True)
    if found.diagnostics:
        sys.exit(1)
