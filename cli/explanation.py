"""Why a run or a workflow is not running."""

import click

from cli.arguments import WORKFLOW, is_run_id
from cli.output import as_json, print_json


@click.command()
@click.argument("subject", metavar="RUN|WORKFLOW")
@as_json
def explain(subject: str, json_output: bool) -> None:
    """Say why a run or a workflow is not running: what the engine asks, each with its answer."""
    from api.schemas.states import Explanation  # noqa: PLC0415 - loaded when called, so that `--help` stays fast
    from cli.client import ApiClient  # noqa: PLC0415

    if is_run_id(subject):
        path = f"/runs/{subject}/explain"
    else:
        namespace, name = WORKFLOW.convert(subject, None, None)
        path = f"/workflows/{namespace}/{name}/explain"
    found = ApiClient.of_environment().get(path, Explanation)
    if json_output:
        print_json(found)
        return
    for check in found.checks:
        mark = click.style("yes", fg="green") if check.ok else click.style("no ", fg="red")
        click.echo(f"{mark} {check.check}: {check.detail}")
