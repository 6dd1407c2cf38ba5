"""How runs went over time."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from cli.arguments import WORKFLOW
from cli.output import as_json, print_json, print_table
from cli.simulation import MomentParam

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from api.schemas.analytics import Analytics, AnalyticsFigures, Distribution

COLUMNS: Final = ("SUCCEEDED", "FAILED", "OTHER", "SUCCESS", "P50", "P95", "MAX", "QUEUED P95", "LATE P95", "UPTIME")


@click.command()
@click.argument("workflow", type=WORKFLOW, required=False)
@click.option("--namespace", "-n", help="All workflows of this namespace together, instead of one.")
@click.option("--since", type=MomentParam(), help="A time or a date (UTC).  [default: 30 days or 24 hours ago]")
@click.option("--until", type=MomentParam(), help="First moment that is left out.  [default: now]")
@click.option("--by", type=click.Choice(("hour", "day")), default="day", show_default=True, help="What a line is of.")
@as_json
def stats(
    workflow: tuple[str, str] | None,
    namespace: str | None,
    since: datetime | None,
    until: datetime | None,
    by: str,
    json_output: bool,
) -> None:
    """Show how the runs of WORKFLOW, of a namespace, or all went.

    How many ended and how, how long they took and how late they were, by hour or day (UTC).
    """
    from api.schemas.analytics import Analytics
    from cli.client import ApiClient

    if workflow is not None and namespace is not None:
        raise click.UsageError("--namespace does not go with a WORKFLOW")
    span = {"since": since and since.isoformat(), "until": until and until.isoformat(), "by": by}
    scope = {"workflow": None if workflow is None else "/".join(workflow), "namespace": namespace}
    found = ApiClient.of_environment().get("/analytics", Analytics, {**scope, **span})
    print_json(found) if json_output else _print(found)


def _print(found: "Analytics") -> None:
    shape = "%Y-%m-%d %H:00" if found.by == "hour" else "%Y-%m-%d"
    rows = [(f"{item.starts_at:{shape}}", *_cells(item.figures)) for item in found.items]
    if rows:
        rows.append(("all", *_cells(found.total)))
    print_table(
        (str(found.by).upper(), *COLUMNS), rows, f"nothing ended from {found.since:%F %R} to {found.until:%F %R}"
    )
    if found.pending:
        click.echo(f"{found.pending} ended runs of all workflows are not counted yet", err=True)


def _cells(figures: "AnalyticsFigures") -> tuple[str, ...]:
    runs = {str(state): number for state, number in figures.runs.items()}
    succeeded, failed = runs.pop("succeeded", 0), runs.pop("failed", 0)
    return (
        *(str(succeeded), str(failed), str(sum(runs.values()))),
        _share(figures.success_rate),
        *(_seconds(figures.duration, field) for field in ("p50", "p95", "max")),
        *(_seconds(each, "p95") for each in (figures.queue_wait, figures.lateness)),
        _share(None if figures.checks is None else figures.checks.uptime),
    )


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _seconds(distribution: "Distribution | None", field: str) -> str:
    return "" if distribution is None else f"{getattr(distribution, field):.3g}s"
