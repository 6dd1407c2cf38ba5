"""Logs of a run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from cli.output import as_json

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from api.schemas.logs import LogLine, LogPage
    from cli.client import ApiClient

COLOURS: Final = {"stderr": "red", "system": "yellow"}


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@click.option("--task", "-t", help="Only this task's lines.")
@click.option("--tail", "-n", type=click.IntRange(1, 10_000), help="Only the last so many lines.")
@as_json
def logs(run_id: str, follow: bool, task: str | None, tail: int | None, json_output: bool) -> None:
    """Print RUN's log lines, one JSON object a line with --json."""
    import msgspec

    from cli.client import ApiClient

    client = ApiClient.of_environment()
    for line in _lines(client, run_id, follow=follow, task=task, tail=tail):
        if json_output:
            click.echo(msgspec.json.encode(line).decode())
        else:
            _print(line)


def _lines(
    client: "ApiClient", run_id: str, *, follow: bool, task: str | None, tail: int | None
) -> "Iterator[LogLine]":
    from api.schemas.logs import LogPage

    path, position = f"/runs/{run_id}/logs", 0
    if tail is not None:
        page = client.get(path, LogPage, {"task": task, "tail": tail})
        _say_if_removed(page)
        yield from page.items
        position = page.items[-1].pos if page.items else 0
    elif not follow:
        yield from _whole(client, path, task)
    if follow:
        yield from _followed(client, path, task, position)


def _whole(client: "ApiClient", path: str, task: str | None) -> "Iterator[LogLine]":
    from api.schemas.logs import LogPage

    cursor: str | None = None
    while True:
        page = client.get(path, LogPage, {"task": task, "cursor": cursor})
        _say_if_removed(page)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _say_if_removed(page: "LogPage") -> None:
    if page.removed_at is not None:
        click.echo(f"the log was deleted at {page.removed_at:%F %T} UTC: so long are logs kept here", err=True)


def _followed(client: "ApiClient", path: str, task: str | None, position: int) -> "Iterator[LogLine]":
    import msgspec

    from api.schemas.logs import LogEnd, LogLine

    for event in client.events(f"{path}/stream", {"task": task, "cursor": position or None}):
        if event.kind == "lines":
            yield from msgspec.json.decode(event.data, type=list[LogLine])
        elif event.kind == "end" and msgspec.json.decode(event.data, type=LogEnd).incomplete:
            click.echo("the log is incomplete: an attempt announced more lines than arrived", err=True)


def _print(line: "LogLine") -> None:
    task = click.style(f"{line.task}[{line.key}]" if line.key else line.task, fg="cyan")
    text = line.text if line.stream == "stdout" else click.style(line.text, fg=COLOURS[line.stream])
    click.echo(f"{line.at:%H:%M:%S}.{line.at.microsecond // 1000:03} {task} {text}")
