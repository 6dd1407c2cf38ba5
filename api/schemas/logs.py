"""Log lines of a run."""

from datetime import datetime

from api.schemas.base import Answer
from engine.broker.logs import Stream


class LogLine(Answer, frozen=True, kw_only=True):
    """One line of one attempt. `pos` is that of its batch: batches that come later have higher ones."""

    pos: int
    task: str
    key: str
    attempt: int
    at: datetime
    stream: Stream
    text: str


class LogPage(Answer, frozen=True, kw_only=True):
    """Log lines in order. `complete` says that the run has ended and nothing more can come.

    `removed_at` is when the log was deleted by the installation's rules of how long logs are kept.
    """

    items: list[LogLine]
    next: str | None
    complete: bool
    removed_at: datetime | None = None


class LogEnd(Answer, frozen=True, kw_only=True):
    """The last event of a stream. `incomplete` says that lines are missing that an attempt announced."""

    state: str
    incomplete: bool


def as_text(line: LogLine) -> str:
    """Return a line as `format=text` shows it: time, task, stream, text."""
    task = f"{line.task}[{line.key}]" if line.key else line.task
    return f"{line.at:%Y-%m-%dT%H:%M:%S}.{line.at.microsecond // 1000:03}Z {task} {line.stream} {line.text}\n"
