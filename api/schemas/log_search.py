"""Lines found in the logs of a workflow's runs."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from api.schemas.base import Answer
from engine.broker.logs import Stream

if TYPE_CHECKING:  # the command line reads these types, and must not load the engine for them
    from engine.services.log_search import Match


class LogMatch(Answer, frozen=True, kw_only=True):
    """One line that was found: the run, task, item (`key`) and attempt that wrote it, and where its batch stands."""

    run_id: str
    pos: int
    task: str
    key: str
    attempt: int
    at: datetime
    stream: Stream
    text: str

    @classmethod
    def of(cls, match: "Match") -> Self:
        """Return a line as it is shown."""
        batch, line = match.batch, match.line
        return cls(
            run_id=match.run_id,
            pos=batch.pos,
            task=batch.task,
            key=batch.key,
            attempt=batch.attempt,
            at=line.at,
            stream=line.stream,
            text=line.text,
        )


class LogSearchPage(Answer, frozen=True, kw_only=True):
    """Lines found, newest run first. A page may be short or empty and `next` go on all the same.

    What is looked at for one page is bounded: `runs_searched` says how many runs that was.
    """

    items: list[LogMatch]
    next: str | None
    runs_searched: int
