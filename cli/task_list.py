"""The tasks of a run as a list for the terminal."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from cli.output import STATE_STYLES, duration
from engine.store.reads_tasks import TaskRow

MARKS = {
    "succeeded": "✓",
    "failed": "✗",
    "running": "●",
    "skipped": "-",
    "cancelled": "■",
    "queued": "○",
    "waiting": "◔",
}


def task_list(rows: Iterable[TaskRow]) -> Table:
    """Return one line a task: mark, id, state, duration, message."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in rows:
        style = STATE_STYLES.get(row.state, "")
        table.add_row(
            Text(MARKS.get(row.state, "·"), style=style),
            Text(row.name),
            Text(row.state, style=style),
            Text(duration(row.started_at, row.finished_at), style="dim"),
            Text(row.message, style="dim"),
        )
    return table
