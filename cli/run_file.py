"""`chronoverse run FILE`: one workflow to its end, in this process, with nothing left behind."""

import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.arguments import PAIR, input_values
from cli.errors import CliError
from cli.output import as_json, print_json

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from cli.local_run import LocalRun
    from dsl.model import Workflow

LOOK_SECONDS = 0.05


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--input", "-i", "inputs", type=PAIR, multiple=True, help="An input; repeat it. JSON is read as such.")
@click.option("--name", help="Which workflow, where the file holds several.")
@as_json
def run(file: Path, inputs: tuple[tuple[str, str], ...], name: str | None, json_output: bool) -> None:
    """Run the workflow in FILE to its end, here. Exits 0 if it succeeds, 1 if not."""
    from cli.local_run import LocalRun
    from cli.process import explained

    workflow, *others = _load(file, name)
    given = _typed(workflow, inputs)
    with explained(), tempfile.TemporaryDirectory(prefix="chronoverse-") as directory:
        local = LocalRun(Path(directory))
        with local:
            local.start(workflow, given, others)
            _watch(local, quiet=json_output)
        result = local.result
    if json_output:
        print_json(result)
    sys.exit(0 if result["state"] == "succeeded" else 1)


def _load(file: Path, name: str | None) -> "list[Workflow]":
    """Return the workflow that is to run, and then the others of the file: they can be its child runs."""
    from dsl.diagnostics import has_errors
    from dsl.loader import load_paths
    from dsl.render import render

    loaded = load_paths([file])
    if loaded.diagnostics:
        click.echo(render(loaded, "text"), err=True, nl=False)
    if has_errors(loaded.diagnostics):
        sys.exit(1)
    workflows = [item.workflow for item in loaded.workflows]
    found = [workflow for workflow in workflows if name in (None, workflow.name)]
    if len(found) != 1:
        names = ", ".join(item.workflow.name for item in loaded.workflows) or "none"
        raise CliError(f"{file} holds these workflows: {names}", "choose one with --name")
    return [*found, *(workflow for workflow in workflows if workflow is not found[0])]


def _typed(workflow: "Workflow", pairs: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    """Return the inputs: text stays text where the workflow wants text."""
    texts = ("string", "date", "datetime", "duration")
    given = input_values(pairs)
    for name, text in pairs:
        if name in workflow.inputs and workflow.inputs[name].type in texts:
            given[name] = text
    return given


def _watch(local: "LocalRun", *, quiet: bool) -> None:
    """Show the tasks as they go, their log lines above them, until the run has ended."""
    if quiet:
        local.wait()
        return
    from rich.console import Console
    from rich.live import Live

    from cli.task_list import task_list

    console = Console(highlight=False)
    pause = threading.Event()
    with Live(task_list(local.tasks()), console=console, auto_refresh=False, transient=False) as live:
        while True:
            ended = local.ended
            for task, stream, text in local.new_lines():
                console.print(f"[dim]{task:>16} │[/dim] ", end="")
                console.print(text, style="red" if stream == "stderr" else "", markup=False, soft_wrap=True)
            live.update(task_list(local.tasks()), refresh=True)
            if ended:
                break
            pause.wait(LOOK_SECONDS)
    result = local.result
    style = "green" if result["state"] == "succeeded" else "red"
    console.print(f"[bold {style}]{result['state']}[/] {result['message']}", soft_wrap=True)
