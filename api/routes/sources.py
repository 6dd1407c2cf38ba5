"""Sources: listed, shown, synced at once."""

from litestar import Router, get, post
from litestar.params import FromPath

from api.dependencies import Injected
from api.parameters import PAGE_SIZE, Cursor, Limit, found, page
from api.problems import RESPONSES
from api.schemas.sources import Source, SourcePage
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
    "/{name:str}/sync",
    status_code=202,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="syncSource",
    summary="Sync a source",
)
def sync_source(services: Injected, name: FromPath[str]) -> Source:
    """Ask for a look at the source at once. The answer says that the wish is kept, not what was found."""
    with services.database.read() as connection:
        source = Source.of(found(reads.read_source(connection, name), f"source {name}"))
    if not services.given.sync_now(name):
        raise ConflictError(
            f"nobody can be asked to look at source {name} now\n"
            "  hint: whoever syncs it looks by itself, at every change and every half minute"
        )
    return source


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


ROUTER = Router("/sources", tags=["sources"], route_handlers=[list_sources, get_source, sync_source, approve_removals])
