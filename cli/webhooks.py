"""Outgoing webhooks: who is told of events, what became of it, and once more."""

import sys
from typing import TYPE_CHECKING

import click

from cli.errors import CliError
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the commands that need them, so that `--help` stays fast
    from cli.client import ApiClient


@click.group()
def webhook() -> None:
    """Who is told of events: by a signed POST, or by e-mail."""


@webhook.command()
@click.argument("name")
@click.argument("url")
@click.option("--kind", "-k", "kinds", multiple=True, help="Only these: `run.finished`, `source.*`; may be repeated.")
@click.option(
    "--namespace", "-n", "namespaces", multiple=True, help="Only of these; `data.*` is data and all below it."
)
@click.option("--secret-stdin", is_flag=True, help="Read the secret from standard input instead of having one drawn.")
@as_json
def add(
    name: str, url: str, kinds: tuple[str, ...], namespaces: tuple[str, ...], secret_stdin: bool, json_output: bool
) -> None:
    """Tell URL of what happens from now on: https://…, or mailto:ops@example.com. Shows the secret, once."""
    from api.schemas.webhooks import NewWebhook

    asked = {"name": name, "url": url, "kinds": kinds, "namespaces": namespaces}
    if secret_stdin:
        asked["secret"] = sys.stdin.read().strip()
    made = _client().post("/webhooks", NewWebhook, asked)
    if json_output:
        print_json(made)
        return
    click.echo(f"{name} is told of what happens from now on")
    if made.secret:
        click.echo(f"secret: {made.secret}\nIt is not shown again: the receiver checks the signature with it.")


@webhook.command("list")
@as_json
def list_webhooks(json_output: bool) -> None:
    """List webhooks by name."""
    from api.schemas.webhooks import WebhookList

    found = _client().get("/webhooks", WebhookList).items
    if json_output:
        print_json(found)
        return
    rows = (
        (item.name, item.url, ", ".join(item.kinds) or "(all)", ", ".join(item.namespaces) or "(all)") for item in found
    )
    print_table(("NAME", "URL", "KINDS", "NAMESPACES"), rows, "nobody is told of events")


@webhook.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove webhook NAME, with what was not delivered to it yet."""
    _client().delete(f"/webhooks/{_quoted(name)}")
    click.echo(f"{name} is removed")


@webhook.command()
@click.argument("name")
@click.option(
    "--state", "-s", "states", type=click.Choice(["pending", "sent", "dead"]), multiple=True, help="Only these."
)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many.")
@as_json
def deliveries(name: str, states: tuple[str, ...], limit: int, json_output: bool) -> None:
    """List deliveries to webhook NAME, newest first; what waits, and why; what was given up."""
    from api.schemas.webhooks import DeliveryPage

    params = {"state": list(states), "limit": limit}
    page = _client().get(f"/webhooks/{_quoted(name)}/deliveries", DeliveryPage, params)
    if json_output:
        print_json(page)
        return
    rows = (
        (item.id, item.event, item.kind, str(item.state), item.attempts, item.created_at, item.error)
        for item in page.items
    )
    print_table(("ID", "EVENT", "KIND", "STATE", "TRIES", "CREATED", "ERROR"), rows, "nothing was delivered")


@webhook.command()
@click.argument("name")
@click.argument("delivery", required=False)
@click.option("--dead", is_flag=True, help="All that were given up.")
@as_json
def replay(name: str, delivery: str | None, dead: bool, json_output: bool) -> None:
    """Try DELIVERY to webhook NAME again, or with --dead all that were given up."""
    from api.schemas.webhooks import Delivery, Replayed

    if dead == (delivery is not None):
        raise CliError("which one?", "give the id of a delivery, or --dead")
    path = f"/webhooks/{_quoted(name)}"
    if delivery is None:
        done = _client().post(f"{path}/replay", Replayed)
        print_json(done) if json_output else click.echo(f"{done.replayed} deliveries are tried again")
        return
    again = _client().post(f"{path}/deliveries/{_quoted(delivery)}/replay", Delivery)
    print_json(again) if json_output else click.echo(f"{again.id} is tried again")


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def _client() -> "ApiClient":
    from cli.client import ApiClient

    return ApiClient.of_environment()
