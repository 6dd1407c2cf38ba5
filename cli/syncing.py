"""What `chronoverse source sync` shows of a look that was waited for, or that was only planned."""

import sys
from typing import TYPE_CHECKING, Final

import click

from cli.output import print_json

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.sources import SyncedSource
    from cli.client import ApiClient

WAIT_SECONDS_MAX: Final = 300.0
SPARE_SECONDS: Final = 10.0
"""How much longer than the server this waits."""
TIMED_OUT: Final = 3


def dry(client: "ApiClient", name: str, *, json_output: bool) -> None:
    """Show what a sync would do now; exit with 1 where a file has an error."""
    from cli.plans import planned, show

    plan = planned(client, name, "")
    show(plan, "json" if json_output else "text")
    if plan.faulty:
        sys.exit(1)


def waited(client: "ApiClient", name: str, seconds: float, *, json_output: bool) -> None:
    """Have the source looked at, and show what came of it; exit with 1 or 3 where it is not live."""
    from api.schemas.sources import SyncedSource

    seconds = min(seconds, WAIT_SECONDS_MAX)
    found = client.post(
        f"/sources/{name}/sync", SyncedSource, params={"wait": seconds}, seconds=seconds + SPARE_SECONDS
    )
    if json_output:
        print_json(found)
    elif found.looked:
        _print(found)
    if not found.looked:
        click.echo(
            f"{name} was not looked at within {seconds:g} s; chronoverse source status says how it stands", err=True
        )
        sys.exit(TIMED_OUT)
    if _failed(found):
        sys.exit(1)


def _failed(found: "SyncedSource") -> bool:
    """Whether what the source holds could not be read, or was not taken."""
    if not _fetched(found):
        return True
    if found.commit is not None:
        return found.commit.outcome != "live"
    return found.conditions["applied"].reason == "rejected"


def _fetched(found: "SyncedSource") -> bool:
    return "fetched" in found.conditions and found.conditions["fetched"].status


def _print(found: "SyncedSource") -> None:
    from cli.commits import print_commit
    from cli.sources import print_diagnostic

    if not _fetched(found):
        told = found.conditions["fetched"].message if found.conditions else "it has not been looked at"
        click.echo(f"{found.name} cannot be read: {told}")
    elif found.commit is not None:
        print_commit(found.commit)
    else:
        applied = found.conditions["applied"]
        click.echo(f"{found.name} is {applied.reason}: {applied.message}")
        for entry in found.diagnostics:
            print_diagnostic(entry)
