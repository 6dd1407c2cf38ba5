"""Workflows: listed and paused. They are resumed in `run_again`, under the word that runs share."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.arguments import PAIR, WORKFLOW
from cli.drift import end_of, for_option, reason_option, until_option
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.workflows import Workflow


@click.command()
@click.option("--namespace", help="Only workflows of this namespace.")
@click.option("--label", "-l", "labels", type=PAIR, multiple=True, help="Only workflows with this label; repeat it.")
@click.option("--paused/--not-paused", default=None, help="Only workflows that are paused, or that are not.")
@click.option("--archived", is_flag=True, help="Workflows removed from their source, instead.")
@as_json
def workflows(
    namespace: str | None, labels: tuple[tuple[str, str], ...], paused: bool | None, archived: bool, json_output: bool
) -> None:
    """List workflows."""
    from api.schemas.workflows import WorkflowPage
    from cli.client import ApiClient

    params = {
        "namespace": namespace,
        "label": [f"{key}:{value}" for key, value in labels],
        "paused": paused,
        "archived": archived or None,
        "limit": 200,
    }
    found = list(ApiClient.of_environment().pages("/workflows", WorkflowPage, params))
    if json_output:
        print_json(found)
        return
    columns = ("WORKFLOW", "REVISION", "PAUSED", "SOURCE", "LABELS", "DESCRIPTION")
    print_table(columns, (_row(item) for item in found), "no workflows")


@click.command()
@click.argument("workflow", type=WORKFLOW)
@for_option
@until_option
@reason_option
@as_json
def pause(
    workflow: tuple[str, str], lasts: timedelta | None, until: datetime | None, reason: str, json_output: bool
) -> None:
    """Let WORKFLOW's triggers rest. Runs go on."""
    switch(workflow, "pause", {"reason": reason, "until": end_of(lasts, until)}, json_output=json_output)


def _row(item: "Workflow") -> tuple[Any, ...]:
    name, paused = f"{item.namespace}/{item.name}", "paused" if item.pause else ""
    return (name, item.revision, paused, item.source, item.labels, item.description)


def switch(workflow: tuple[str, str], action: str, body: dict[str, Any] | None, *, json_output: bool) -> None:
    """Have a workflow paused or resumed, and print how it stands."""
    from api.schemas.workflows import Workflow
    from cli.client import ApiClient

    found = ApiClient.of_environment().post(f"/workflows/{workflow[0]}/{workflow[1]}/{action}", Workflow, body)
    if json_output:
        print_json(found)
    else:
        click.echo(f"{found.namespace}/{found.name} {'is paused' if found.pause else 'is not paused'}")
