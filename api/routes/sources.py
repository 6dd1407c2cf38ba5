"""Sources: listed, shown; declared, changed, removed, suspended."""

from typing import Annotated, Any, Final, Literal

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from api.authentication import Asking
from api.dependencies import Injected, Services
from api.parameters import PAGE_SIZE, Cursor, Limit, found, page
from api.problems import RESPONSES
from api.schemas.sources import Removed, Source, SourcePage, SourceRequest, SourceSpec, SuspendRequest
from engine.services.refusals import ConflictError
from engine.store import reads_sources as reads
from engine.store.sources import approve_prune


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listSources", summary="List sources")
def list_sources(services: Injected, limit: Limit = PAGE_SIZE, cursor: Cursor = None) -> SourcePage:
    """List sources by name, with their conditions and diagnostics."""
    with services.database.read() as connection:
        rows, more = page(reads.list_sources(connection, after=cursor, limit=limit + 1), limit)
    return SourcePage(items=[Source.of(row) for row in rows], next=rows[-1].name if more else None)


@get("/{name:str}", sync_to_thread=True, responses=RESPONSES, operation_id="getSource", summary="Show a source")
def get_source(services: Injected, name: FromPath[str]) -> Source:
    """Show a source with its conditions and diagnostics."""
    with services.database.read() as connection:
        return Source.of(found(reads.read_source(connection, name), f"source {name}"))


@post(
    "/{name:str}/approve-removals",
    status_code=202,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="approveRemovals",
    summary="Agree to removals that wait",
)
def approve_removals(services: Injected, name: FromPath[str]) -> Source:
    """Agree to the removals that the source asks for at the version last seen, and have it looked at again.

    A later version asks again: what is agreed to is what was seen.
    """
    with services.database.write() as connection:
        source = Source.of(found(reads.read_source(connection, name), f"source {name}"))
        if source.seen_version is None:
            raise ConflictError(f"source {name} has not been looked at yet\n  hint: wait for its first sync")
        approve_prune(connection, name, source.seen_version, services.database.now())
    services.given.sync_now(name)
    return source


@post("/", responses=RESPONSES, sync_to_thread=True, operation_id="declareSource", summary="Declare a source")
def declare_source(services: Injected, data: JSONBody[SourceRequest]) -> Source:
    """Declare a source: a git repository or a folder. It is synced from now on, and stays until it is removed here."""
    services.sources.declare(data.name, data.plain())
    return _shown(services, data.name)


@put("/{name:str}", responses=RESPONSES, sync_to_thread=True, operation_id="changeSource", summary="Change a source")
def change_source(services: Injected, name: FromPath[str], data: JSONBody[SourceSpec]) -> Source:
    """Declare a source anew that was declared over the API. What is live stays until the next sync says otherwise."""
    services.sources.change(name, data.plain())
    return _shown(services, name)


@delete(
    "/{name:str}",
    status_code=200,
    responses=RESPONSES,
    sync_to_thread=True,
    operation_id="removeSource",
    summary="Remove a source",
)
def remove_source(
    services: Injected,
    name: FromPath[str],
    workflows: Annotated[
        Literal["archive", "keep"], QueryParameter(description="What becomes of its live workflows.")
    ] = "archive",
) -> Removed:
    """Remove a source that was declared over the API. History stays; `keep` leaves its workflows live, as they are."""
    return Removed(name=name, archived=services.sources.remove(name, archive=workflows == "archive"))


@post(
    "/{name:str}/suspend",
    status_code=200,
    responses=RESPONSES,
    sync_to_thread=True,
    operation_id="suspendSource",
    summary="Suspend a source",
)
def suspend_source(
    services: Injected, caller: Asking, name: FromPath[str], data: JSONBody[SuspendRequest | None] = None
) -> Source:
    """Let a source rest: it is not looked at, and what is live of it stays as it is and runs on."""
    services.sources.suspend(name, caller.name, "" if data is None else data.reason)
    return _shown(services, name)


@post(
    "/{name:str}/resume",
    status_code=200,
    responses=RESPONSES,
    sync_to_thread=True,
    operation_id="resumeSource",
    summary="Resume a source",
)
def resume_source(services: Injected, name: FromPath[str]) -> Source:
    """Let a suspended source go on: it is looked at at once."""
    services.sources.resume(name)
    return _shown(services, name)


def _shown(services: Services, name: str) -> Source:
    with services.database.read() as connection:
        return Source.of(found(reads.read_source(connection, name), f"source {name}"))


HANDLERS: Final[list[Any]] = [
    *(list_sources, get_source, approve_removals),
    *(declare_source, change_source, remove_source, suspend_source, resume_source),
]
ROUTER = Router("/sources", tags=["sources"], route_handlers=HANDLERS)
