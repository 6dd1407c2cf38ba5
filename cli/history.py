"""Revisions of a workflow: which there are, and what differs between two."""

from typing import TYPE_CHECKING

import click

from cli.arguments import WORKFLOW
from cli.errors import CliError
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.workflows import Revision


@click.command()
@click.argument("workflow", type=WORKFLOW)
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@as_json
def history(workflow: tuple[str, str], limit: int, json_output: bool) -> None:
    """List WORKFLOW's revisions, newest first: which commit, by whom, from where."""
    from api.schemas.workflows import RevisionPage
    from cli.client import ApiClient

    path = f"/workflows/{workflow[0]}/{workflow[1]}/revisions"
    page = ApiClient.of_environment().get(path, RevisionPage, {"limit": limit})
    if json_output:
        print_json(page)
        return
    columns = ("REVISION", "SINCE", "COMMIT", "AUTHOR", "SOURCE", "FILE")
    rows = (
        (item.number, item.created_at, (item.commit or "")[:12], item.author or "", item.source, item.path)
        for item in page.items
    )
    print_table(columns, rows, "no revisions")


@click.command()
@click.argument("workflow", type=WORKFLOW)
@click.argument("before", type=click.IntRange(1), required=False)
@click.argument("after", type=click.IntRange(1), required=False)
@as_json
def diff(workflow: tuple[str, str], before: int | None, after: int | None, json_output: bool) -> None:
    """Show what differs between two revisions of WORKFLOW, field by field.

    AFTER is the newest unless given, BEFORE the one before that.
    """
    from api.schemas.workflows import RevisionDiff, RevisionPage
    from cli.client import ApiClient
    from cli.plan_text import field

    client = ApiClient.of_environment()
    path = f"/workflows/{workflow[0]}/{workflow[1]}/revisions"
    if after is None:
        after = max((item.number for item in client.get(path, RevisionPage, {"limit": 1}).items), default=1)
    before = before or after - 1
    if before < 1:
        raise CliError(f"{'/'.join(workflow)} has one revision: there is nothing to compare", "name two revisions")
    found = client.get(f"{path}/{before}/diff/{after}", RevisionDiff)
    if json_output:
        print_json(found)
        return
    click.echo(f"{'/'.join(workflow)} {_named(found.before)} to {_named(found.after)}")
    for each in found.fields:
        click.echo(f"  {field(each)}")
    if found.checkout_differs:
        click.echo("  other files beside it")
    elif not found.fields:
        click.echo("  nothing differs")


def _named(revision: "Revision") -> str:
    commit = f" ({revision.commit[:12]})" if revision.commit else ""
    return f"revision {revision.number}{commit}"
