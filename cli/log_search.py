"""`chronoverse logs`: a run's log printed or downloaded, and a search across the runs of a workflow."""

import gzip
import sys
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.arguments import WORKFLOW
from cli.errors import CliError
from cli.logs import COLOURS
from cli.logs import logs as show
from cli.output import as_json
from cli.simulation import MomentParam

if TYPE_CHECKING:  # loaded by the commands themselves, so that `--help` stays fast
    from api.schemas.log_search import LogMatch

PAGE_SIZE = 200


class LogsGroup(click.Group):
    """`logs RUN` is `logs show RUN`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word `show` before what begins with no subcommand."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=LogsGroup, subcommand_metavar="RUN | COMMAND ...")
def logs() -> None:
    """Print RUN's log, search the logs of a workflow's runs, or download a log.

    `chronoverse logs RUN` is short for `chronoverse logs show RUN`.
    """


logs.add_command(show, "show")


@logs.command()
@click.argument("workflow", type=WORKFLOW)
@click.argument("text")
@click.option("--since", type=MomentParam(), help="Only lines from this time or date (UTC) on.")
@click.option("--until", type=MomentParam(), help="Only lines before this time or date (UTC).")
@click.option("--limit", "-n", type=click.IntRange(1), default=50, show_default=True, help="How many lines at most.")
@as_json
def search(
    workflow: tuple[str, str],
    text: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    json_output: bool,
) -> None:
    """Find TEXT in the logs of WORKFLOW's runs, newest first.

    Case does not matter. With --json a JSON object a line. Exits with 1 where nothing is found, as grep does.
    """
    import msgspec

    from api.schemas.log_search import LogSearchPage
    from cli.client import ApiClient

    span = {"since": since and since.isoformat(), "until": until and until.isoformat()}
    params = {"text": text, "limit": min(limit, PAGE_SIZE), **span}
    path, found = f"/workflows/{workflow[0]}/{workflow[1]}/logs/search", 0
    for match in islice(ApiClient.of_environment().pages(path, LogSearchPage, params), limit):
        found += 1
        click.echo(msgspec.json.encode(match).decode()) if json_output else _print(match)
    if not found:
        sys.exit(1)


@logs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A file; compressed if its name ends with .gz.")
@click.option("--format", "form", type=click.Choice(("text", "ndjson")), default="text", show_default=True)
def download(run_id: str, output: Path | None, form: str) -> None:
    """Write RUN's whole log to a file, or to standard output."""
    from cli.client import BASE, ApiClient

    pieces = ApiClient.of_environment().download(f"{BASE}/runs/{run_id}/logs/download?format={form}")
    first = next(pieces, b"")  # a run that is not there leaves no file
    if output is None:
        for piece in chain([first], pieces):
            click.echo(piece, nl=False)
        return
    try:
        with gzip.open(output, "wb") if output.suffix == ".gz" else output.open("wb") as file:
            for piece in chain([first], pieces):
                file.write(piece)
    except OSError as error:
        raise CliError(f"{output} cannot be written: {error.strerror or error}", "name another file") from error


def _print(match: "LogMatch") -> None:
    task = click.style(f"{match.task}[{match.key}]" if match.key else match.task, fg="cyan")
    colours: dict[str, Any] = dict(COLOURS)
    text = click.style(match.text, fg=colours.get(match.stream))
    click.echo(f"{match.at:%Y-%m-%d %H:%M:%S} {match.run_id} {task} {text}")
