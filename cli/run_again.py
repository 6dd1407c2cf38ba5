"""What has ended, or rests, goes on: runs retried, rerun and resumed; workflows resumed."""

from typing import TYPE_CHECKING, Any

import click

from cli.arguments import PAIR, REVISION, WORKFLOW, input_values, is_run_id
from cli.output import as_json, print_json, print_table
from cli.runs import key_header, key_option, print_made, wait_option

if TYPE_CHECKING:  # loaded by the commands that need them, so that `--help` stays fast
    from api.schemas.run_again import ResumeAnswer
    from cli.client import ApiClient

input_option = click.option(
    "--input", "-i", "inputs", type=PAIR, multiple=True, help="An input that is to be another; repeat it."
)
revision_option = click.option("--revision", type=REVISION, help="Which revision to run.  [default: latest]")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--from", "start", metavar="TASK", help="Run this task and all below it again, whatever became of them.")
@key_option
@wait_option
@as_json
def retry(run_id: str, start: str | None, idempotency_key: str | None, wait: bool, json_output: bool) -> None:
    """Make a new run of RUN's revision and inputs that takes over what succeeded."""
    from api.schemas.runs import Run

    client = _client()
    made = client.post(f"/runs/{run_id}/retry", Run, _given(**{"from": start}), key_header(idempotency_key))
    print_made(client, made, wait=wait, json_output=json_output)


@click.command()
@click.argument("run_id", metavar="RUN")
@revision_option
@click.option("--from", "start", metavar="TASK", help="Take over what is not this task or below it, if it succeeded.")
@input_option
@key_option
@wait_option
@as_json
def rerun(
    run_id: str,
    revision: int | str | None,
    start: str | None,
    inputs: tuple[tuple[str, str], ...],
    idempotency_key: str | None,
    wait: bool,
    json_output: bool,
) -> None:
    """Make a new run with RUN's inputs."""
    from api.schemas.runs import Run

    client = _client()
    body = _given(revision=revision, inputs=input_values(inputs), **{"from": start})
    made = client.post(f"/runs/{run_id}/rerun", Run, body, key_header(idempotency_key))
    print_made(client, made, wait=wait, json_output=json_output)


@click.command()
@click.argument("subject", metavar="RUN|WORKFLOW")
@revision_option
@input_option
@click.option("--dry-run", is_flag=True, help="Say what would become of each task, and make nothing.")
@key_option
@wait_option
@as_json
def resume(subject: str, json_output: bool, **given: Any) -> None:
    """Go on with a run, or with a workflow's triggers.

    RUN goes on in a new run that takes over what is still valid: tasks that succeeded, whose definition and whatever
    their expressions use are the same, and so is all that they need. The options are for runs. WORKFLOW's triggers fire
    again; the time meanwhile is not caught up.
    """
    if is_run_id(subject):
        _resume_run(subject, json_output=json_output, **given)
        return
    if wrong := [name for name, value in given.items() if value]:
        raise click.UsageError(f"--{wrong[0].replace('_', '-').rstrip('s')} is for runs, and {subject} is a workflow")
    from cli.workflows import switch

    switch(WORKFLOW.convert(subject, None, None), "resume", None, json_output=json_output)


def _resume_run(
    run_id: str,
    *,
    revision: int | str | None,
    inputs: tuple[tuple[str, str], ...],
    dry_run: bool,
    idempotency_key: str | None,
    wait: bool,
    json_output: bool,
) -> None:
    from api.schemas.run_again import ResumeAnswer

    client = _client()
    body = _given(revision=revision, inputs=input_values(inputs), dry_run=dry_run)
    answer = client.post(f"/runs/{run_id}/resume", ResumeAnswer, body, key_header(idempotency_key))
    if json_output and not wait:
        print_json(answer)
        return
    if not json_output:
        _print_decisions(answer)
    if answer.run is not None:
        print_made(client, answer.run, wait=wait, json_output=json_output)


def _print_decisions(answer: "ResumeAnswer") -> None:
    rows = ((item.task, "reused" if item.reused else "runs", item.message) for item in answer.tasks)
    print_table(("TASK", f"ON REVISION {answer.revision}", "WHY"), rows, "no tasks")


def _given(**values: Any) -> dict[str, Any]:
    """Return what was given: the rest is left to the API."""
    return {name: value for name, value in values.items() if value}


def _client() -> "ApiClient":
    from cli.client import ApiClient

    return ApiClient.of_environment()
