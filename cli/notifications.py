"""Notices of runs' ends."""

import click

from cli.output import as_json, print_json, print_table


@click.command()
@click.option(
    "--state", "-s", "states", type=click.Choice(["pending", "sent", "dead"]), multiple=True, help="Only these."
)
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@as_json
def notifications(states: tuple[str, ...], limit: int, json_output: bool) -> None:
    """List who was told of runs' ends, newest first; what waits, and why; what was given up."""
    from api.schemas.notifications import NoticePage
    from cli.client import ApiClient

    page = ApiClient.of_environment().get("/notifications", NoticePage, {"state": list(states), "limit": limit})
    if json_output:
        print_json(page)
        return
    columns = ("ID", "RUN", "EVENT", "STATE", "TRIES", "CREATED", "ERROR")
    rows = (
        (item.id, item.run, item.event, str(item.state), item.attempts, item.created_at, item.error)
        for item in page.items
    )
    print_table(columns, rows, "nobody was told of anything")
