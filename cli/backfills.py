"""Backfills: made, listed, shown, switched."""

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.arguments import PAIR, WORKFLOW, input_values
from cli.output import as_json, duration, print_json, print_table, shown
from cli.runs import key_header, key_option
from cli.simulation import MomentParam

if TYPE_CHECKING:  # loaded by the commands that need them, so that `--help` stays fast
    from api.schemas.backfills import Backfill, BackfillPlan, BackfillTime
    from cli.client import ApiClient

POLICIES = ("missing", "failed", "all")
STATES = ("running", "paused", "finished", "cancelled")
TIMES_SHOWN_MAX = 200
WAIT_SECONDS = 0.5
"""Between two looks at a backfill that is waited for."""


class BackfillGroup(click.Group):
    """`backfill WORKFLOW …` is `backfill create WORKFLOW …`; the other words switch a backfill that is there."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word `create` before what begins with no subcommand."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=BackfillGroup, subcommand_metavar="WORKFLOW | COMMAND ...")
def backfill() -> None:
    """Run the times of a schedule that have passed.

    `chronoverse backfill WORKFLOW --from … --to …` is short for `chronoverse backfill create WORKFLOW …`.
    """


@backfill.command()
@click.argument("workflow", type=WORKFLOW)
@click.option("--from", "start", type=MomentParam(), required=True, help="First moment: a time or a date (UTC).")
@click.option("--to", "end", type=MomentParam(), required=True, help="First moment that is left out.")
@click.option("--trigger", metavar="NAME", help="Which schedule; needed where WORKFLOW has several.")
@click.option(
    "--only",
    type=click.Choice(POLICIES),
    default="missing",
    show_default=True,
    help="Times for which nothing ran, those and the ones that did not succeed, or all.",
)
@click.option("--parallel", type=click.IntRange(1, 100), default=1, show_default=True, help="Runs at once.")
@click.option("--input", "-i", "inputs", type=PAIR, multiple=True, help="An input that is to be another; repeat it.")
@click.option("--reverse", is_flag=True, help="Begin with the newest time.")
@click.option("--dry-run", is_flag=True, help="Say what would be done with each time, and make nothing.")
@key_option
@click.option("--wait", is_flag=True, help="Wait for its end; exit 1 unless all its runs succeed.")
@as_json
def create(
    workflow: tuple[str, str],
    start: datetime,
    end: datetime,
    inputs: tuple[tuple[str, str], ...],
    dry_run: bool,
    idempotency_key: str | None,
    wait: bool,
    json_output: bool,
    **given: Any,
) -> None:
    """Run the times of WORKFLOW's schedule in a range that has passed, on its newest revision."""
    from api.schemas.backfills import Backfill, BackfillPlan

    path = f"/workflows/{workflow[0]}/{workflow[1]}/backfills"
    body = {"from": start.isoformat(), "to": end.isoformat(), "inputs": input_values(inputs), **given}
    if dry_run:
        plan = _client().post(f"{path}/plan", BackfillPlan, body)
        print_json(plan) if json_output else _print_plan(plan)
        return
    client = _client()
    made = client.post(path, Backfill, body, key_header(idempotency_key))
    if not (wait and json_output):
        print_json(made) if json_output else click.echo(_sentence(made))
    if wait:
        _finish(client, made.id, json_output=json_output)


@backfill.command()
@click.argument("backfill_id", metavar="ID")
@as_json
def pause(backfill_id: str, json_output: bool) -> None:
    """Let backfill ID make no more runs. Those on their way go on."""
    _switch(backfill_id, "pause", None, {}, json_output=json_output)


@backfill.command()
@click.argument("backfill_id", metavar="ID")
@as_json
def resume(backfill_id: str, json_output: bool) -> None:
    """Let paused backfill ID go on from where it was."""
    _switch(backfill_id, "resume", None, {}, json_output=json_output)


@backfill.command()
@click.argument("backfill_id", metavar="ID")
@click.option("--runs", is_flag=True, help="Cancel its runs too that are running, not only those that wait.")
@key_option
@as_json
def cancel(backfill_id: str, runs: bool, idempotency_key: str | None, json_output: bool) -> None:
    """Give backfill ID up, and cancel its runs that have not started."""
    _switch(backfill_id, "cancel", {"runs": runs}, key_header(idempotency_key), json_output=json_output)


@click.group(invoke_without_command=True)
@click.option("--workflow", "-w", type=WORKFLOW, help="Only backfills of this workflow.")
@click.option(
    "--state", "-s", "states", type=click.Choice(STATES), multiple=True, help="Only in this state; repeat it."
)
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@as_json
@click.pass_context
def backfills(
    context: click.Context,
    workflow: tuple[str, str] | None,
    states: tuple[str, ...],
    limit: int,
    json_output: bool,
) -> None:
    """List backfills, newest first; `backfills show ID` shows one."""
    if context.invoked_subcommand is not None:
        return
    from api.schemas.backfills import BackfillPage

    params = {"workflow": "/".join(workflow) if workflow else None, "state": list(states), "limit": limit}
    page = _client().get("/backfills", BackfillPage, params)
    if json_output:
        print_json(page)
        return
    columns = ("ID", "WORKFLOW", "TRIGGER", "FROM", "TO", "STATE", "TIMES", "RUNS", "CREATED")
    print_table(columns, (_row(item) for item in page.items), "no backfills")


@backfills.command()
@click.argument("backfill_id", metavar="ID")
@as_json
def show(backfill_id: str, json_output: bool) -> None:
    """Show backfill ID, and what became of its times (the first 200)."""
    from api.schemas.backfills import Backfill, BackfillTimePage

    client = _client()
    found = client.get(f"/backfills/{backfill_id}", Backfill)
    if json_output:
        print_json(found)
        return
    times = client.get(f"/backfills/{backfill_id}/times", BackfillTimePage, {"limit": TIMES_SHOWN_MAX})
    _print_backfill(found)
    print_table(("TIME", "OUTCOME", "RUN", "STATE", "MESSAGE"), map(_time_row, times.items), "no times are decided yet")
    if times.next is not None:
        click.echo(f"and more: GET /api/v1/backfills/{found.id}/times?cursor={times.next}")


def _finish(client: "ApiClient", backfill_id: str, *, json_output: bool) -> None:
    """Wait for a backfill's end, print how it ended, and exit 1 unless all went well."""
    from api.schemas.backfills import Backfill

    found = client.get(f"/backfills/{backfill_id}", Backfill)
    while found.state in {"running", "paused"}:
        time.sleep(WAIT_SECONDS)
        found = client.get(f"/backfills/{backfill_id}", Backfill)
    if json_output:
        print_json(found)
    else:
        click.echo(f"{found.id} is {found.state}; runs: {shown(found.runs) or 'none'}")
    if found.state != "finished" or set(found.runs) - {"succeeded"}:
        sys.exit(1)


def _switch(
    backfill_id: str, action: str, body: dict[str, bool] | None, headers: dict[str, str], *, json_output: bool
) -> None:
    from api.schemas.backfills import Backfill

    found = _client().post(f"/backfills/{backfill_id}/{action}", Backfill, body, headers)
    print_json(found) if json_output else click.echo(f"{found.id} is {found.state}")


def _sentence(made: "Backfill") -> str:
    times = "1 time" if made.total == 1 else f"{made.total} times"
    at_once = "one at a time" if made.parallel == 1 else f"{made.parallel} at once"
    name = f"{made.workflow.namespace}/{made.workflow.name}"
    return f"{made.id} goes through {times} of trigger {made.trigger}, {at_once}, on revision {made.revision} of {name}"


def _print_plan(plan: "BackfillPlan") -> None:
    rows = ((item.fire_time, "runs" if item.runs else "skipped", item.message) for item in plan.times)
    print_table(("TIME (UTC)", f"ON REVISION {plan.revision}", "WHY"), rows, "no times")
    running = sum(item.runs for item in plan.times)
    click.echo(f"{running} of {len(plan.times)} times of trigger {plan.trigger} would be run")


def _print_backfill(found: "Backfill") -> None:
    facts = {
        "backfill": found.id,
        "workflow": f"{found.workflow.namespace}/{found.workflow.name} (revision {found.revision})",
        "trigger": found.trigger,
        "range": f"{shown(found.since)} until before {shown(found.until)}{', newest first' if found.reverse else ''}",
        "only": str(found.only),
        "parallel": found.parallel,
        "inputs": found.inputs,
        "state": str(found.state),
        "message": found.message,
        "times": f"{found.total}: {found.made} with a run, {found.skipped} skipped",
        "runs": found.runs,
        "created": f"{shown(found.created_at)} by {found.created_by}",
        "took": duration(found.created_at, found.finished_at),
    }
    for name, value in facts.items():
        if value:
            click.echo(f"{name + ':':<10} {shown(value)}")
    click.echo()


def _row(item: "Backfill") -> tuple[Any, ...]:
    name = f"{item.workflow.namespace}/{item.workflow.name}"
    times = f"{item.made + item.skipped}/{item.total}"
    return (item.id, name, item.trigger, item.since, item.until, str(item.state), times, item.runs, item.created_at)


def _time_row(item: "BackfillTime") -> tuple[Any, ...]:
    return (
        item.fire_time,
        item.outcome,
        item.run,
        None if item.run_state is None else str(item.run_state),
        item.message,
    )


def _client() -> "ApiClient":
    from cli.client import ApiClient

    return ApiClient.of_environment()
