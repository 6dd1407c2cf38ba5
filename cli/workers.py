"""Workers."""

import click

from cli.output import as_json, print_json, print_table


@click.command()
@click.option("--ended", is_flag=True, help="Also sessions that have ended.")
@as_json
def workers(ended: bool, json_output: bool) -> None:
    """List workers' sessions."""
    from api.schemas.workers import WorkerPage
    from cli.client import ApiClient

    params = {"ended": ended or None, "limit": 200}
    found = list(ApiClient.of_environment().pages("/workers", WorkerPage, params))
    if json_output:
        print_json(found)
        return
    rows = ((row.worker, row.host, str(row.state), row.pools, row.kinds, row.slots, row.seen_at) for row in found)
    print_table(("WORKER", "HOST", "STATE", "POOLS", "KINDS", "SLOTS", "SEEN"), rows, "no workers")
