"""Files checked without a server, and the JSON Schemas that editors use."""

import sys
from typing import Final

import click

from cli.errors import CliError

FORMATS: Final = ("text", "json", "sarif", "github")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--format", "style", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--namespace", help="Namespace of workflows that name none.")
def validate(paths: tuple[str, ...], style: str, namespace: str | None) -> None:
    """Check the workflow files PATHS, and those in folders. Exits 1 if any has an error."""
    from dsl.diagnostics import has_errors
    from dsl.loader import load_paths
    from dsl.model import DEFAULT_NAMESPACE
    from dsl.render import render

    result = load_paths(paths, namespace=namespace or DEFAULT_NAMESPACE)
    click.echo(render(result, style), nl=False)
    if style == "text":
        errors = sum(item.severity == "error" for item in result.diagnostics)
        click.echo(f"{len(result.workflows)} workflows fine, {errors} errors", err=True)
    if has_errors(result.diagnostics):
        sys.exit(1)


@click.command()
@click.argument("name", default="workflow")
def schema(name: str) -> None:
    """Print the JSON Schema NAME (2020-12). That of workflows has the kinds that installed packages add."""
    from cli.output import print_json
    from dsl.syntax import published

    try:
        print_json(published(name))
    except FileNotFoundError as error:
        raise CliError(
            f"there is no schema {name!r}", "`chronoverse schema workflow` prints that of a workflow"
        ) from error
