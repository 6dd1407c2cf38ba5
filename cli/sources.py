"""Sources: how they stand, and a look at once."""

from typing import TYPE_CHECKING, Any

import click

from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.sources import Source


@click.group()
def source() -> None:
    """Where workflows come from."""


@source.command()
@click.argument("name", required=False)
@as_json
def status(name: str | None, json_output: bool) -> None:
    """Show every source, or NAME: what is applied, and what is wrong with its files."""
    from api.schemas.sources import Source, SourcePage
    from cli.client import ApiClient

    client = ApiClient.of_environment()
    found = list(client.pages("/sources", SourcePage)) if name is None else [client.get(f"/sources/{name}", Source)]
    if json_output:
        print_json(found)
        return
    columns = ("SOURCE", "KIND", "CONDITION", "OK", "REASON", "SINCE", "MESSAGE")
    print_table(columns, (row for item in found for row in _rows(item)), "no sources")
    for item in found:
        for entry in item.diagnostics:
            _print_diagnostic(entry)


@source.command()
@click.argument("name")
@as_json
def sync(name: str, json_output: bool) -> None:
    """Have a look at source NAME at once."""
    from api.schemas.sources import Source
    from cli.client import ApiClient

    found = ApiClient.of_environment().post(f"/sources/{name}/sync", Source)
    print_json(found) if json_output else click.echo(f"{found.name} is being looked at")


@source.command()
@click.argument("name")
@as_json
def approve(name: str, json_output: bool) -> None:
    """Agree to the removals that source NAME waits for (condition `applied`, reason `removal_waits`)."""
    from api.schemas.sources import Source
    from cli.client import ApiClient

    found = ApiClient.of_environment().post(f"/sources/{name}/approve-removals", Source)
    print_json(found) if json_output else click.echo(f"the removals of {found.name} at {found.seen_version} go ahead")


def _rows(item: "Source") -> list[tuple[Any, ...]]:
    conditions = item.conditions.items()
    return [
        (item.name, item.kind, name, "yes" if entry.status else "no", entry.reason, entry.at, entry.message)
        for name, entry in conditions
    ] or [(item.name, item.kind, "", "", "", item.synced_at, "not looked at yet")]


def _print_diagnostic(entry: Any) -> None:
    place = f"{entry.file}:{entry.line}:{entry.column}"
    click.echo(f"{place}: {click.style(str(entry.severity), fg='red')} {entry.code} {entry.message}")
    if entry.hint:
        click.echo(f"  hint: {entry.hint}")
