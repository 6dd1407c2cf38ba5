"""Files that a run's attempts left: listed, and downloaded."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Final
from urllib.parse import quote

from litestar import Response, get
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Stream

from api.dependencies import Injected, Services
from api.parameters import PAGE_SIZE, Cursor, Limit, found, page, refused
from api.parameters import run_id as checked_id
from api.problems import RESPONSES
from api.schemas.artifacts import Artifact, ArtifactPage
from engine.artifacts import Kept
from engine.services.refusals import UnknownError
from engine.store.artifacts import ArtifactPlace, ArtifactRow, list_artifacts
from engine.store.reads_runs import read_run

PLACE: Final = re.compile(r"([0-9a-f-]{36}-\d{1,9}(?:\.\d{1,9})?):(\d{1,9}):(\d{1,9})", re.ASCII)
SAME_NAME_MAX: Final = 1000

Task = Annotated[str | None, QueryParameter(description="Only this task's files.")]
Key = Annotated[str | None, QueryParameter(description="The item's key, where the task is a fan-out.")]


@get(
    "/{run_id:str}/artifacts",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="listArtifacts",
    summary="List a run's artifacts",
)
def list_all(
    services: Injected, run_id: FromPath[str], task: Task = None, limit: Limit = PAGE_SIZE, cursor: Cursor = None
) -> ArtifactPage:
    """List the files that a run's attempts left, and those of the results that it took over."""
    run, after = checked_id(run_id), _place(cursor)
    with services.database.read() as connection:
        found(read_run(connection, run), f"run {run}")
        rows, more = page(list_artifacts(connection, run, task=task, after=after, limit=limit + 1), limit)
    items = [Artifact.of(row, run) for row in rows]
    return ArtifactPage(items=items, next=":".join(map(str, rows[-1].place)) if more else None)


@get(
    "/{run_id:str}/artifacts/{task:str}/{name:path}",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="getArtifact",
    summary="Download an artifact",
)
def download(
    services: Injected,
    run_id: FromPath[str],
    task: FromPath[str],
    name: FromPath[str],
    key: Key = None,
    attempt: Annotated[int | None, QueryParameter(ge=1, description="Default: the last that left the file.")] = None,
    if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[Any]:
    """Download a file that an attempt left. The entity tag is the SHA-256 of its content."""
    row = _chosen(services, checked_id(run_id), task, name.lstrip("/"), key, attempt)
    tag = f'"{row.artifact.sha256}"'
    if if_none_match is not None and tag in if_none_match:
        return Response(None, status_code=304, headers={"ETag": tag})
    kept = Kept(row.run_id, row.artifact.size, row.artifact.sha256)
    return Stream(
        _begun(services.given.artifacts.open().read(kept)),
        media_type="application/octet-stream",
        headers={
            "ETag": tag,
            "Content-Length": str(row.artifact.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.artifact.name.rpartition('/')[2])}",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _chosen(services: Services, run: str, task: str, name: str, key: str | None, attempt: int | None) -> ArtifactRow:
    with services.database.read() as connection:
        found(read_run(connection, run), f"run {run}")
        rows = list_artifacts(connection, run, task=task, key=key, name=name, limit=SAME_NAME_MAX)
    rows = [row for row in rows if attempt in (None, row.place.attempt)]
    if not rows:
        raise UnknownError(
            f"run {run} has no artifact {name} of task '{task}'\n  hint: GET /api/v1/runs/{run}/artifacts lists them"
        )
    if len({row.key for row in rows}) > 1:
        raise refused("query.key", f"several items of '{task}' left {name}", f"say which, as key={rows[0].key}")
    return rows[-1]


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return the pieces, the first of them read: what is not there is a problem, not a download that breaks off."""
    first = next(pieces, b"")
    return chain([first], pieces)


def _place(cursor: str | None) -> ArtifactPlace | None:
    if cursor is None:
        return None
    if (parts := PLACE.fullmatch(cursor)) is None:
        raise refused("query.cursor", f"{cursor!r} is not a cursor", "take it from `next` of the page before")
    return ArtifactPlace(parts[1], int(parts[2]), int(parts[3]))


HANDLERS: list[Any] = [list_all, download]
