"""Who did what."""

from datetime import datetime

import click

from cli.output import as_json, print_json, print_table
from cli.simulation import MomentParam


@click.command()
@click.option("--who", help="Only what this account asked for.")
@click.option("--operation", help="Only this operation, as triggerRun.")
@click.option("--refused", is_flag=True, help="Only what was refused, or failed.")
@click.option("--since", type=MomentParam(), help="A time or a date (UTC).")
@click.option("--until", type=MomentParam(), help="A time or a date (UTC).")
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@as_json
def audit(
    who: str | None,
    operation: str | None,
    refused: bool,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    json_output: bool,
) -> None:
    """List who asked for what over the API, newest first; reading is not listed."""
    from api.schemas.audit import AuditPage
    from cli.client import ApiClient

    params = {
        "who": who,
        "operation": operation,
        "refused": True if refused else None,
        "since": since and since.isoformat(),
        "until": until and until.isoformat(),
        "limit": limit,
    }
    page = ApiClient.of_environment().get("/audit", AuditPage, params)
    if json_output:
        print_json(page)
        return
    rows = ((item.at, item.who, item.operation, item.path, item.address, item.status) for item in page.items)
    print_table(("TIME", "WHO", "OPERATION", "PATH", "FROM", "STATUS"), rows, "nothing was asked for")
