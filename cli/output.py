"""What commands print: JSON as the API gave it, or a table for people."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
import msgspec

PIPE_WIDTH: Final = 250
STATE_STYLES: Final = {
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "skipped": "bright_black",
    "running": "blue",
    "queued": "cyan",
    "waiting": "magenta",
    "live": "green",
    "rejected": "red",
    "expired": "red",
}

as_json = click.option("--json", "json_output", is_flag=True, help="Print JSON instead of a table.")
"""The option of every command that prints data."""


def print_json(value: Any) -> None:
    """Print a value as JSON, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """Print rows under their columns, or `empty` if there are none. Into a pipe nothing is cut."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(text, STATE_STYLES.get(text, "")) for text in map(shown, row)))
    if not table.row_count:
        click.echo(empty)
        return
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False).print(table)


def shown(value: Any) -> str:
    """Return a value as a cell shows it."""
    match value:
        case None:
            return ""
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case dict():
            return ", ".join(f"{key}={item}" for key, item in value.items())
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def duration(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took, or nothing if that is not known."""
    return "" if start is None or end is None else f"{(end - start).total_seconds():.2f}s"
