"""Search across the logs of a workflow's runs, and a run's whole log as a file."""

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

import msgspec
from litestar import Router, get
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Stream

from api.compression import accepts_gzip, gathered, gzipped
from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, Moment, found, read_moment, refused
from api.parameters import run_id as checked_id
from api.problems import RESPONSES
from api.routes.logs import whole_log
from api.schemas.log_search import LogMatch, LogSearchPage
from api.schemas.logs import LogLine, as_text
from engine.services.log_search import LogSearch, Place, Wanted
from engine.store.reads_logs import log_standing
from engine.store.reads_workflows import read_workflow

TEXT_LENGTH_MAX: Final = 200
PLACE: Final = re.compile(r"([0-9a-f-]{36})\.(\d{1,9}|2147483647)\.(\d{1,9})", re.ASCII)
MEDIA_TYPES: Final = {"text": "text/plain; charset=utf-8", "ndjson": "application/x-ndjson"}

Format = Annotated[Literal["text", "ndjson"], QueryParameter(description="`ndjson`: a JSON object a line.")]
Text = Annotated[str, QueryParameter(min_length=1, max_length=TEXT_LENGTH_MAX, description="Part of a line.")]


@get(
    "/workflows/{namespace:str}/{name:str}/logs/search",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="searchLogs",
    summary="Search a workflow's logs",
)
def search_logs(
    services: Injected,
    namespace: FromPath[str],
    name: FromPath[str],
    text: Text,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = PAGE_SIZE,
    cursor: Cursor = None,
) -> LogSearchPage:
    """Find lines that have a text in them (case does not matter), across all runs of a workflow, newest first.

    What is looked at for one page is bounded; `next` goes on, also where the page is empty.
    """
    moments = read_moment("since", since), read_moment("until", until)
    after = None if cursor is None else _place(cursor)
    with services.database.read() as connection:
        row = found(read_workflow(connection, namespace, name), f"workflow {namespace}/{name}")
    wanted = Wanted(workflow_id=row.id, text=text, since=moments[0], until=moments[1])
    got = LogSearch(services.database, wanted).find(after, limit)
    items = [LogMatch.of(match) for match in got.matches]
    return LogSearchPage(items=items, next=None if got.next is None else str(got.next), runs_searched=got.runs)


@get(
    "/runs/{run_id:str}/logs/download",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="downloadLogs",
    summary="Download a run's log",
)
def download_logs(
    services: Injected,
    run_id: FromPath[str],
    format: Format = "text",  # noqa: A002 - what the parameter is called
    accept_encoding: Annotated[str | None, HeaderParameter(name="Accept-Encoding")] = None,
) -> Stream:
    """Download a run's whole log as a file, compressed on its way for those who accept gzip."""
    run = checked_id(run_id)
    with services.database.read() as connection:
        found(log_standing(connection, run), f"run {run}")
    ending = "log" if format == "text" else "ndjson"
    headers = {"Content-Disposition": f'attachment; filename="{run}.{ending}"', "Vary": "Accept-Encoding"}
    pieces = _written(whole_log(services, run), format)
    if accepts_gzip(accept_encoding or ""):
        headers["Content-Encoding"] = "gzip"
        pieces = gzipped(pieces)
    return Stream(gathered(pieces), media_type=MEDIA_TYPES[format], headers=headers)


def _written(lines: Iterator[LogLine], format: str) -> Iterator[bytes]:  # noqa: A002 - as the parameter
    for line in lines:
        yield as_text(line).encode() if format == "text" else msgspec.json.encode(line) + b"\n"


def _place(cursor: str) -> Place:
    parts = PLACE.fullmatch(cursor)
    if parts is None:
        raise refused("query.cursor", f"{cursor!r} is not a cursor", "take it from `next` of the page before")
    return Place(parts[1], int(parts[2]), int(parts[3]))


ROUTER = Router("/", tags=["logs"], route_handlers=[search_logs, download_logs])
