"""Sources: how they stand, and a look at once."""

from typing import TYPE_CHECKING, Any

import click

from cli.commits import DurationParam
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.sources import Source
    from cli.client import ApiClient


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
            print_diagnostic(entry)


@source.command()
@click.argument("name")
@click.option("--wait", "waiting", is_flag=True, help="Wait for the end of the look, and show what came of it.")
@click.option("--dry-run", is_flag=True, help="Show what it would do, as chronoverse plan does, and change nothing.")
@click.option("--timeout", type=DurationParam(), default="1m", show_default=True, help="How long to wait at most.")
@as_json
def sync(name: str, waiting: bool, dry_run: bool, timeout: float, json_output: bool) -> None:
    """Have a look at source NAME at once.

    Exit status: 0 as asked; 1 with --wait, what it holds was rejected or cannot be read, or with --dry-run, a file has
    an error; 2 misuse; 3 with --wait, the look has not ended in time.
    """
    from cli.client import ApiClient
    from cli.syncing import dry, waited

    if waiting and dry_run:
        raise click.UsageError("--dry-run changes nothing, and there is nothing to --wait for: give one of them")
    client = ApiClient.of_environment()
    if dry_run:
        dry(client, name, json_output=json_output)
    elif waiting:
        waited(client, name, timeout, json_output=json_output)
    else:
        _asked(client, name, json_output=json_output)


def _asked(client: "ApiClient", name: str, *, json_output: bool) -> None:
    from api.schemas.sources import Source

    found = client.post(f"/sources/{name}/sync", Source)
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


@source.command()
@click.argument("name")
@click.option("--git", "url", help="Address of a git repository.")
@click.option("--folder", help="A folder that the server sees.")
@click.option("--branch", help="The branch whose newest commit is taken.  [default: the server's HEAD]")
@click.option("--tag", help="The tag that is taken.")
@click.option("--semver", help="The range whose newest tag is taken, as ~1.4.")
@click.option("--commit", help="The commit that is taken, by its whole name.")
@click.option("--path", help="The folder of the repository that holds the workflows.")
@click.option("--interval", help="How often it is asked for news, as 1m.")
@click.option("--token-secret", metavar="NAME", help="The NAME of the secret with an access token, for HTTPS.")
@click.option("--ssh-key-secret", metavar="NAME", help="The NAME of the secret with a private key, for SSH.")
@click.option("--known-hosts", type=click.File(), help="A file with the host keys that the SSH server may show.")
@click.option("--namespace", help="The namespace of workflows that name none.")
@click.option("--allow-namespace", "namespaces", multiple=True, help="A namespace that its workflows may be in.")
@click.option("--policy", type=click.Choice(["atomic", "partial"]), help="What a faulty file does to the rest.")
@as_json
def add(name: str, url: str | None, folder: str | None, json_output: bool, **given: Any) -> None:
    """Declare source NAME: a git repository or a folder. It is synced from now on."""
    from api.schemas.sources import Source
    from cli.client import ApiClient

    body = {"name": name, **_general(given)}
    if url is not None:
        body["git"] = {"url": url, **_git(given)}
    if folder is not None:
        body["folder"] = {"path": folder}
    found = ApiClient.of_environment().post("/sources", Source, body)
    print_json(found) if json_output else click.echo(f"{found.name} is synced from now on")


@source.command()
@click.argument("name")
@click.option("--keep", is_flag=True, help="Leave its workflows live, as they are.")
@as_json
def remove(name: str, keep: bool, json_output: bool) -> None:
    """Remove source NAME that was declared by `add`, and archive its workflows; their history stays."""
    from api.schemas.sources import Removed
    from cli.client import ApiClient

    params = {"workflows": "keep" if keep else "archive"}
    found = ApiClient.of_environment().remove(f"/sources/{name}", Removed, params)
    print_json(found) if json_output else click.echo(f"{name} is gone; {found.archived} workflows archived")


@source.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for those who wonder.")
@as_json
def suspend(name: str, reason: str, json_output: bool) -> None:
    """Let source NAME rest: what is live of it stays as it is."""
    from api.schemas.sources import Source
    from cli.client import ApiClient

    found = ApiClient.of_environment().post(f"/sources/{name}/suspend", Source, {"reason": reason})
    print_json(found) if json_output else click.echo(f"{name} rests")


@source.command()
@click.argument("name")
@as_json
def resume(name: str, json_output: bool) -> None:
    """Let source NAME go on."""
    from api.schemas.sources import Source
    from cli.client import ApiClient

    found = ApiClient.of_environment().post(f"/sources/{name}/resume", Source)
    print_json(found) if json_output else click.echo(f"{name} is looked at again")


def _general(given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given of how a source is taken over."""
    found = {key: given[key] for key in ("namespace", "policy") if given[key] is not None}
    return found | ({"namespaces": list(given["namespaces"])} if given["namespaces"] else {})


def _git(given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given of a repository."""
    chosen = ("branch", "tag", "semver", "commit", "path", "interval")
    found = {key: given[key] for key in chosen if given[key] is not None}
    auth = {key: given[key] for key in ("token_secret", "ssh_key_secret") if given[key] is not None}
    if given["known_hosts"] is not None:
        auth["known_hosts"] = given["known_hosts"].read()
    return found | ({"auth": auth} if auth else {})


def _rows(item: "Source") -> list[tuple[Any, ...]]:
    conditions = item.conditions.items()
    if item.suspended is not None:
        said = f"by {item.suspended.by}: {item.suspended.reason}".rstrip(": ")
        return [(item.name, item.kind, "suspended", "", "", item.suspended.at, said)]
    return [
        (item.name, item.kind, name, "yes" if entry.status else "no", entry.reason, entry.at, entry.message)
        for name, entry in conditions
    ] or [(item.name, item.kind, "", "", "", item.synced_at, "not looked at yet")]


def print_diagnostic(entry: Any) -> None:
    """Print what is wrong with a file."""
    place = f"{entry.file}:{entry.line}:{entry.column}"
    click.echo(f"{place}: {click.style(str(entry.severity), fg='red')} {entry.code} {entry.message}")
    if entry.hint:
        click.echo(f"  hint: {entry.hint}")
