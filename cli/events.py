"""What happened, and what happens."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from cli.arguments import WORKFLOW
from cli.output import as_json
from cli.simulation import MomentParam

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from api.schemas.events import Event


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Stay, and show what happens.")
@click.option(
    "--since", type=MomentParam(), help="A time or a date (UTC).  [default: now with --follow, else an hour ago]"
)
@click.option("--kind", "-k", "kinds", multiple=True, help="Only these: `run.finished`, `source.*`; may be repeated.")
@click.option(
    "--namespace",
    "-n",
    "namespaces",
    multiple=True,
    help="Only of these; `data.*` is data and all below it; may be repeated.",
)
@click.option("--workflow", "-w", type=WORKFLOW, help="Only of this workflow.")
@click.option("--source", help="Only of this source.")
@as_json
def events(
    follow: bool,
    since: datetime | None,
    kinds: tuple[str, ...],
    namespaces: tuple[str, ...],
    workflow: tuple[str, str] | None,
    source: str | None,
    json_output: bool,
) -> None:
    """Show what happened: to runs, tasks, sources, workflows and workers."""
    from datetime import UTC, timedelta

    import msgspec

    from api.schemas.events import Event
    from cli.client import ApiClient

    if since is None and not follow:
        since = datetime.now(UTC) - timedelta(hours=1)
    params = {
        "follow": follow,
        "since": since and since.isoformat(),
        "kind": kinds or None,
        "namespace": namespaces or None,
        "workflow": workflow and "/".join(workflow),
        "source": source,
    }
    for event in ApiClient.of_environment().events("/events", params):
        if event.kind == "gap":
            click.echo("some events are kept no more and are missing here", err=True)
        elif event.kind != "end":
            click.echo(event.data.decode() if json_output else _line(msgspec.json.decode(event.data, type=Event)))


def _line(event: "Event") -> str:
    """Return one line: when, what, of what, and the rest."""
    of = event.source or (f"{event.namespace}/{event.workflow}" if event.workflow else "")
    said = " ".join(f"{name}={value}" for name, value in event.data.items() if value not in (None, "", []))
    return "  ".join(part for part in (f"{event.at:%F %T}", f"{event.kind:18}", of, event.run or "", said) if part)
