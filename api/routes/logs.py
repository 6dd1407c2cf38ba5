"""Logs of a run: whole, its tail, one task's, as JSON or text, and followed."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final, Literal

from litestar import Response, get
from litestar.concurrency import sync_to_thread
from litestar.enums import MediaType
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, Stream

from api.dependencies import Injected, Services
from api.follow import Follower
from api.log_lines import lines_of
from api.parameters import Cursor, cursor_number, found, refused
from api.parameters import run_id as checked_id
from api.problems import RESPONSES
from api.schemas.logs import LogLine, LogPage, as_text
from engine.store.reads_logs import LogBatchRow, LogStanding, list_log_batches, log_standing, position_of_tail

LINES_MAX: Final = 10_000
BATCHES_MAX: Final = 50

Task = Annotated[str | None, QueryParameter(description="Only this task's lines.")]
Tail = Annotated[int | None, QueryParameter(ge=1, le=LINES_MAX, description="Only the last so many lines.")]


@get(
    "/{run_id:str}/logs",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="getLogs",
    summary="Read a run's log",
)
def get_logs(
    services: Injected,
    run_id: FromPath[str],
    task: Task = None,
    tail: Tail = None,
    format: Annotated[Literal["json", "text"], QueryParameter(description="`text` is whole, without pages.")] = "json",  # noqa: A002
    cursor: Cursor = None,
) -> Response[LogPage] | Stream:
    """Read a run's log: as JSON in pages of whole batches (about 10,000 lines), or as text in one go."""
    run, after = checked_id(run_id), cursor_number(cursor) or 0
    with services.database.read() as connection:
        standing = found(log_standing(connection, run), f"run {run_id}")
        surplus = 0
        if tail is not None:
            if cursor is not None:
                raise refused("query.cursor", "does not go with tail", "leave one of them out")
            after, lines = position_of_tail(connection, run, lines=tail, task=task)
            surplus = max(lines - tail, 0)
    if format == "text":
        lines_as_text = (as_text(line) for line in islice(_lines(services, run, after, task), surplus, None))
        return Stream(lines_as_text, media_type=MediaType.TEXT)
    return Response(_json(services, run, after, task, surplus, standing))


@get("/{run_id:str}/logs/stream", responses=RESPONSES, operation_id="followLogs", summary="Follow a run's log")
async def follow_logs(
    services: Injected,
    run_id: FromPath[str],
    task: Task = None,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    cursor: Cursor = None,
) -> ServerSentEvent:
    """Follow a run's log by server-sent events: `lines` (a list of lines; the id is a position), then `end`."""
    run = checked_id(run_id)
    after = cursor_number(last_event_id or cursor) or 0
    await _exists(services, run)
    return ServerSentEvent(Follower(services, run, after=after, task=task).events())


async def _exists(services: Services, run: str) -> None:
    def look() -> object:
        with services.database.read() as connection:
            return found(log_standing(connection, run), f"run {run}")

    await sync_to_thread(look)


def _json(services: Services, run: str, after: int, task: str | None, surplus: int, standing: LogStanding) -> LogPage:
    items: list[LogLine] = []
    more = False
    for batch in _batches(services, run, after, task):
        if items and len(items) + batch.line_count > LINES_MAX + surplus:
            more = True
            break
        items += lines_of(batch)
    following = str(items[-1].pos) if more else None
    complete = standing.ended and standing.missing == 0 and not more
    return LogPage(items=items[surplus:], next=following, complete=complete, removed_at=standing.removed_at)


def whole_log(services: Services, run: str) -> Iterator[LogLine]:
    """Give all lines of a run that exists, a few batches at a time."""
    return _lines(services, run, 0, None)


def _lines(services: Services, run: str, after: int, task: str | None) -> Iterator[LogLine]:
    for batch in _batches(services, run, after, task):
        yield from lines_of(batch)


def _batches(services: Services, run: str, after: int, task: str | None) -> Iterator[LogBatchRow]:
    while True:
        with services.database.read() as connection:
            batches = list_log_batches(connection, run, after=after, limit=BATCHES_MAX, task=task)
        yield from batches
        if len(batches) < BATCHES_MAX:
            return
        after = batches[-1].pos


HANDLERS: list[Any] = [get_logs, follow_logs]
