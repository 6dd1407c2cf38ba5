"""Runs: triggered, listed, shown, cancelled."""

import sys
from typing import TYPE_CHECKING, Any

import click

from cli.arguments import PAIR, WORKFLOW, input_values
from cli.output import as_json, duration, print_json, print_table, shown

if TYPE_CHECKING:  # loaded by the commands that need them, so that `--help` stays fast
    from api.schemas.runs import Run, RunDetail, TaskRun
    from cli.client import ApiClient

key_option = click.option("--idempotency-key", help="Carry the request out once, however often it is sent (24 h).")
wait_option = click.option("--wait", is_flag=True, help="Wait for the run's end; exit 1 unless it succeeds.")


@click.command()
@click.argument("workflow", type=WORKFLOW)
@click.option("--input", "-i", "inputs", type=PAIR, multiple=True, help="An input; repeat it. JSON is read as such.")
@click.option("--label", "labels", type=PAIR, multiple=True, help="A label of the run; repeat it.")
@key_option
@wait_option
@as_json
def trigger(
    workflow: tuple[str, str],
    inputs: tuple[tuple[str, str], ...],
    labels: tuple[tuple[str, str], ...],
    idempotency_key: str | None,
    wait: bool,
    json_output: bool,
) -> None:
    """Run WORKFLOW (NAMESPACE/NAME) now."""
    from api.schemas.runs import Run

    client = _client()
    body = {"inputs": input_values(inputs), "labels": dict(labels)}
    run = client.post(f"/workflows/{workflow[0]}/{workflow[1]}/runs", Run, body, key_header(idempotency_key))
    print_made(client, run, wait=wait, json_output=json_output)


@click.group(invoke_without_command=True)
@click.option("--workflow", "-w", type=WORKFLOW, help="Only runs of this workflow.")
@click.option("--state", "-s", "states", multiple=True, help="Only runs in this state; repeat it.")
@click.option("--label", "-l", "labels", type=PAIR, multiple=True, help="Only runs with this label; repeat it.")
@click.option("--since", help="Only runs created at or after this time (RFC 3339).")
@click.option("--until", help="Only runs created before this time (RFC 3339).")
@click.option("--trigger", "trigger_kind", help="Only runs made by this kind of trigger.")
@click.option("--backfill", metavar="ID", help="Only runs made by this backfill.")
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@as_json
@click.pass_context
def runs(
    context: click.Context,
    workflow: tuple[str, str] | None,
    states: tuple[str, ...],
    labels: tuple[tuple[str, str], ...],
    since: str | None,
    until: str | None,
    trigger_kind: str | None,
    backfill: str | None,
    limit: int,
    json_output: bool,
) -> None:
    """List runs, newest first; `runs show RUN` shows one."""
    if context.invoked_subcommand is not None:
        return
    from api.schemas.runs import RunPage

    params = {
        "workflow": "/".join(workflow) if workflow else None,
        "state": list(states),
        "label": [f"{key}:{value}" for key, value in labels],
        "since": since,
        "until": until,
        "trigger": trigger_kind,
        "backfill": backfill,
        "limit": limit,
    }
    page = _client().get("/runs", RunPage, params)
    if json_output:
        print_json(page)
        return
    columns = ("ID", "WORKFLOW", "STATE", "REASON", "TRIGGER", "CREATED", "TOOK")
    print_table(columns, (_row(run) for run in page.items), "no runs")


@runs.command()
@click.argument("run_id", metavar="RUN")
@as_json
def show(run_id: str, json_output: bool) -> None:
    """Show RUN with its tasks and attempts."""
    from api.schemas.runs import RunDetail

    run = _client().get(f"/runs/{run_id}", RunDetail)
    if json_output:
        print_json(run)
    else:
        _print_run(run)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--force", is_flag=True, help="Stop also what an earlier cancel spared, without grace.")
@key_option
@wait_option
@as_json
def cancel(run_id: str, force: bool, idempotency_key: str | None, wait: bool, json_output: bool) -> None:
    """Cancel RUN: what runs gets TERM, then KILL after its grace."""
    from api.schemas.runs import Run

    client = _client()
    run = client.post(f"/runs/{run_id}/cancel", Run, {"force": force}, key_header(idempotency_key))
    if wait:
        run = _ended(client, run.id)
    print_json(run) if json_output else click.echo(f"{run.id} {run.state if wait else 'is being cancelled'}")


def key_header(idempotency_key: str | None) -> dict[str, str]:
    """Return the header that says a request is to be carried out once."""
    return {"Idempotency-Key": idempotency_key} if idempotency_key else {}


def _client() -> "ApiClient":
    from cli.client import ApiClient

    return ApiClient.of_environment()


def print_made(client: "ApiClient", run: "Run", *, wait: bool, json_output: bool) -> None:
    """Print a new run, waiting for its end if asked for."""
    if not wait:
        print_json(run) if json_output else click.echo(run.id)
        return
    ended = _ended(client, run.id)
    print_json(ended) if json_output else _print_run(ended)
    if ended.state != "succeeded":
        sys.exit(1)


def _ended(client: "ApiClient", run_id: str) -> "RunDetail":
    """Wait for a run's end, by the end of its log."""
    from api.schemas.runs import RunDetail

    for _ in client.events(f"/runs/{run_id}/logs/stream"):
        pass
    return client.get(f"/runs/{run_id}", RunDetail)


def _row(run: "Run") -> tuple[Any, ...]:
    name = f"{run.workflow.namespace}/{run.workflow.name}"
    by = f"{run.trigger.name or run.trigger.kind}{' (backfill)' if run.backfill else ''}"
    took = duration(run.started_at, run.finished_at)
    return (run.id, name, str(run.state), run.reason, by, run.created_at, took)


def _print_run(run: "RunDetail") -> None:
    facts = {
        "run": run.id,
        "workflow": f"{run.workflow.namespace}/{run.workflow.name} (revision {run.revision})",
        "state": f"{run.state}" + (f" ({run.reason})" if run.reason else ""),
        "message": run.message,
        "inputs": run.inputs,
        "outputs": run.outputs,
        "created": run.created_at,
        "took": duration(run.started_at, run.finished_at),
        "retry of": run.retry_of,
        "backfill": run.backfill,
    }
    for name, value in facts.items():
        if value:
            click.echo(f"{name + ':':<10} {shown(value)}")
    click.echo()
    columns = ("TASK", "STATE", "REASON", "ATTEMPTS", "TOOK", "MESSAGE")
    print_table(columns, (_task_row(task) for task in run.tasks), "no tasks")
    if run.tasks_next is not None:
        click.echo(f"and more: GET /api/v1/runs/{run.id}/tasks?cursor={run.tasks_next}")


def _task_row(task: "TaskRun") -> tuple[Any, ...]:
    took = duration(task.started_at, task.finished_at)
    name = task.task if task.index is None else f"{task.task}[{task.key}]"
    return (name, str(task.state), task.reason, len(task.attempts), took, task.message)
