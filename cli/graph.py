"""`chronoverse graph`: the graph of a workflow's tasks, drawn without a server."""

import sys
from typing import TYPE_CHECKING, Final

import click

from cli.errors import CliError

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from dsl.model import Workflow

FORMATS: Final = ("text", "mermaid", "svg")


@click.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--workflow", "name", help="Which one, where PATH holds several: NAME or NAMESPACE/NAME.")
@click.option("--format", "style", type=click.Choice(FORMATS), default="text", show_default=True, help="How to draw.")
def graph(path: str, name: str | None, style: str) -> None:
    """Draw the graph of tasks of the workflow in PATH.

    Tasks stand in layers, each behind what it needs, with their kinds, fan-outs and conditions; hooks are graphs of
    their own. Exits 1 if the file has an error.
    """
    from dsl import drawing

    draw = {"text": drawing.text, "mermaid": drawing.mermaid, "svg": drawing.svg}[style]
    click.echo(draw(_one(path, name)), nl=False)


def _one(path: str, name: str | None) -> "Workflow":
    """Return the workflow that is meant. A file with errors prints them and ends the command."""
    from dsl.diagnostics import has_errors
    from dsl.loader import load_paths
    from dsl.render import render
    from dsl.testfile.files import SUFFIXES

    if path.endswith(SUFFIXES):
        raise CliError(f"{path} holds tests, and no workflow", "name the file of the workflow that they test")
    loaded = load_paths([path])
    if has_errors(loaded.diagnostics):
        click.echo(render(loaded, "text"), nl=False, err=True)
        sys.exit(1)
    found = {f"{item.workflow.namespace}/{item.workflow.name}": item.workflow for item in loaded.workflows}
    if name is not None:
        found = {full: item for full, item in found.items() if name in {full, item.name}}
    if len(found) == 1:
        return next(iter(found.values()))
    names = ", ".join(f"{item.workflow.namespace}/{item.workflow.name}" for item in loaded.workflows)
    if not names:
        raise CliError(f"{path} holds no workflow", "`chronoverse init DIR` writes a first one")
    what = "holds several workflows" if name is None or found else f"holds no workflow {name!r}"
    raise CliError(f"{path} {what}", f"choose with --workflow: {names}")
