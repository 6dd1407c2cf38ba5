"""A look at a source at once, and waiting for what comes of it."""

from typing import Annotated, Final

from litestar import Router, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, QueryParameter

from api.asked import answered, awake
from api.dependencies import Injected, Services
from api.parameters import found
from api.problems import RESPONSES
from api.schemas.commits import Commit
from api.schemas.sources import SyncedSource, shown
from engine.services.refusals import ConflictError
from engine.store.commits import find_commits
from engine.store.reads_sources import SourceRow, read_source
from engine.sync.conditions import FETCHED

WAIT_SECONDS_MAX: Final = 300

Wait = Annotated[
    float, QueryParameter(ge=0, le=WAIT_SECONDS_MAX, description="How many seconds to wait for its end at most.")
]


@post("/{name:str}/sync", status_code=202, responses=RESPONSES, operation_id="syncSource", summary="Sync a source")
async def sync_source(services: Injected, name: FromPath[str], wait: Wait = 0) -> SyncedSource:
    """Ask for a look at the source at once. The answer says that the wish is kept, not what was found.

    With `wait` it comes when a look has ended that began after this request, with `looked: true`, the source as it is
    then, and what became of the commit that was seen; after so many seconds as it is, with `looked: false`. What a sync
    would do is said by a plan.
    """
    awake(await sync_to_thread(_row, services, name))
    looked = await _looked(services, name, wait) if wait else await sync_to_thread(_asked, services, name)
    return await sync_to_thread(_synced, services, name, looked=looked)


def _asked(services: Services, name: str) -> bool:
    """Pass the wish on; nothing was looked at by that."""
    if not services.given.sync_now(name):
        raise ConflictError(
            f"nobody can be asked to look at source {name} now\n"
            "  hint: whoever syncs it looks by itself, at every change and every half minute"
        )
    return False


async def _looked(services: Services, name: str, seconds: float) -> bool:
    try:
        await answered(services, lambda: services.given.syncer.look(name), seconds)
    except TimeoutError:
        return False
    return True


def _synced(services: Services, name: str, *, looked: bool) -> SyncedSource:
    with services.database.read() as connection:
        row = found(read_source(connection, name), f"source {name}")
        fetched = row.conditions.get(FETCHED, {}).get("status", False)
        rows = find_commits(connection, name, row.seen_version or "") if looked and fetched else []
    commit = Commit.of(rows[0], row.applied_version) if rows else None
    return SyncedSource(**shown(row), looked=looked, commit=commit)


def _row(services: Services, name: str) -> SourceRow:
    with services.database.read() as connection:
        return found(read_source(connection, name), f"source {name}")


ROUTER = Router("/sources", tags=["sources"], route_handlers=[sync_source])
