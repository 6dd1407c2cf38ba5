"""Approvals: what waits for a person, approved or rejected."""

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the commands that need them, so that `--help` stays fast
    from cli.client import ApiClient

key_option = click.option("--key", default="", help="The item, where the task is a fan-out (e.g. region=eu).")
comment_option = click.option("--comment", "-m", default="", help="What you say about it; the task's outputs have it.")


@click.command()
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=50, show_default=True, help="How many.")
@as_json
def approvals(limit: int, json_output: bool) -> None:
    """List what waits for a person."""
    from api.schemas.approvals import ApprovalPage

    page = _client().get("/approvals", ApprovalPage, {"limit": limit})
    if json_output:
        print_json(page)
        return
    columns = ("RUN", "WORKFLOW", "TASK", "QUESTION", "SINCE", "UNTIL")
    rows = (
        (
            item.run,
            f"{item.workflow.namespace}/{item.workflow.name}",
            f"{item.task}[{item.key}]" if item.key else item.task,
            item.message,
            item.asked_at,
            item.due_at,
        )
        for item in page.items
    )
    print_table(columns, rows, "nothing waits for a person")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("task")
@key_option
@comment_option
@as_json
def approve(run_id: str, task: str, key: str, comment: str, json_output: bool) -> None:
    """Approve TASK of RUN: it succeeds."""
    _decide(run_id, task, key, comment, approved=True, json_output=json_output)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("task")
@key_option
@comment_option
@as_json
def reject(run_id: str, task: str, key: str, comment: str, json_output: bool) -> None:
    """Reject TASK of RUN: it fails."""
    _decide(run_id, task, key, comment, approved=False, json_output=json_output)


def _decide(run_id: str, task: str, key: str, comment: str, *, approved: bool, json_output: bool) -> None:
    from api.schemas.runs import TaskRun

    path = f"/runs/{run_id}/approvals/{quote(task, safe='')}" + (f"?key={quote(key, safe='')}" if key else "")
    row = _client().post(path, TaskRun, {"approved": approved, "comment": comment})
    print_json(row) if json_output else click.echo(f"{row.id} {'approved' if approved else 'rejected'}")


def _client() -> "ApiClient":
    from cli.client import ApiClient

    return ApiClient.of_environment()
