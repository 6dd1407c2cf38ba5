"""What became of a source's commits, and waiting for it."""

import re
from typing import Annotated, Final

from litestar import Router, get
from litestar.params import FromPath, QueryParameter

from api.awaited import awaited
from api.dependencies import Injected, Services
from api.parameters import PAGE_SIZE, Cursor, Limit, cursor_number, found, page, refused
from api.problems import RESPONSES
from api.schemas.commits import Commit, CommitPage
from engine.commit_outcomes import CommitOutcome
from engine.services.commits import topic_of
from engine.store import commits as store
from engine.store.reads_sources import read_source

WAIT_SECONDS_MAX: Final = 300
_SHA: Final = re.compile(r"[0-9a-f]{7,64}")

Wait = Annotated[
    float, QueryParameter(ge=0, le=WAIT_SECONDS_MAX, description="How many seconds to wait for the end at most.")
]


@get(
    "/{name:str}/commits", sync_to_thread=True, responses=RESPONSES, operation_id="listCommits", summary="List commits"
)
def list_commits(
    services: Injected, name: FromPath[str], limit: Limit = PAGE_SIZE, cursor: Cursor = None
) -> CommitPage:
    """List the commits that a source's sync has seen, or that its forge announced, the last ones first."""
    before = cursor_number(cursor)
    with services.database.read() as connection:
        source = found(read_source(connection, name), f"source {name}")
        rows, more = page(store.list_commits(connection, name, before=before, limit=limit + 1), limit)
    items = [Commit.of(row, source.applied_version) for row in rows]
    return CommitPage(items=items, next=str(rows[-1].id) if more else None)


@get("/{name:str}/commits/{sha:str}", responses=RESPONSES, operation_id="getCommit", summary="Show or await a commit")
async def get_commit(services: Injected, name: FromPath[str], sha: FromPath[str], wait: Wait = 0) -> Commit:
    """Show what became of a commit; with `wait`, as soon as that is decided. Its name may be cut to 7 digits or more.

    A commit that has not been seen yet is waited for, too. After the wait, one that is still not decided is answered as
    `pending`, and one that was not seen with 404.
    """
    wanted = sha.lower()
    if not _SHA.fullmatch(wanted):
        raise refused("path.sha", f"{sha!r} names no commit", "give at least 7 of its hexadecimal digits")
    commit = await awaited(services, topic_of(name), lambda: _look(services, name, wanted), _decided, wait)
    return found(commit, f"commit {sha} of source {name} among those that were seen")


def _look(services: Services, name: str, wanted: str) -> Commit | None:
    with services.database.read() as connection:
        source = found(read_source(connection, name), f"source {name}")
        rows = store.find_commits(connection, name, wanted)
    if len(rows) > 1:
        raise refused("path.sha", f"several commits begin with {wanted}", "give more of its digits")
    return Commit.of(rows[0], source.applied_version) if rows else None


def _decided(commit: Commit | None) -> bool:
    return commit is not None and commit.outcome is not CommitOutcome.PENDING


ROUTER = Router("/sources", tags=["sources"], route_handlers=[list_commits, get_commit])
