"""What applying files to a source would do: files that are sent, or those of a commit, a branch or a tag."""

from typing import Annotated, Final

from litestar import Router, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, JSONBody, QueryParameter

from api.asked import LATE, answered, awake
from api.dependencies import Injected, Services
from api.parameters import found
from api.problems import INVALID_BODY, RESPONSES, RefusedError
from api.schemas.plans import PlanRequest, SourcePlan
from api.schemas.problems import FieldFault
from engine.store.reads_sources import SourceRow, read_source

PLAN_BYTES_MAX: Final = 16 * 1024 * 1024
"""A body with all workflow files of a source."""
PLAN_SECONDS: Final = 90.0
"""How long a plan of a commit may take: at most a minute for the fetch, and the rest to load what is new."""

Ref = Annotated[
    str,
    QueryParameter(
        max_length=250,
        description="A branch, a tag, a whole refs/…, or a commit, of which 7 digits will do; else what is followed.",
    ),
]


@post(
    "/{name:str}/plan",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    request_max_body_size=PLAN_BYTES_MAX,
    operation_id="planSource",
    summary="Plan",
)
def plan_source(services: Injected, name: FromPath[str], data: JSONBody[PlanRequest]) -> SourcePlan:
    """Say what would be done if the source held these files and no others: nothing is changed by asking.

    The files are read as the source reads its own: its globs, its namespace rules and its policy count.
    """
    from engine.services.plans import Plans  # noqa: PLC0415 - an API of its own compiles nothing until it is asked to
    from engine.sync.preview import FilesError  # noqa: PLC0415

    files = {path: text.encode() for path, text in data.files.items()}
    try:
        plan = Plans(services.database, services.given.clock, services.given.pool_kinds).of_files(name, files)
    except FilesError as error:
        place = f"body.files.{error.path}" if error.path else "body.files"
        fault = FieldFault(place=place, message=str(error), hint="send all workflow files of the source's folder")
        raise RefusedError(INVALID_BODY, f"these files cannot be planned: {error}", [fault]) from error
    return SourcePlan.of(plan)


@get("/{name:str}/plan", responses=RESPONSES, operation_id="planRef", summary="Plan a commit")
async def plan_ref(services: Injected, name: FromPath[str], ref: Ref = "") -> SourcePlan:
    """Say what would be done if the source held what a commit, a branch or a tag of its repository holds.

    It is fetched for that, and nothing is changed. Without `ref` it is the newest of what the source follows: what the
    next sync would do.
    """
    awake(await sync_to_thread(_row, services, name))
    try:
        plan = await answered(services, lambda: services.given.syncer.plan(name, ref), PLAN_SECONDS)
    except TimeoutError:
        hint = "ask again: what was fetched is kept"
        raise RefusedError(LATE, f"there is no plan after {PLAN_SECONDS:g} s\n  hint: {hint}") from None
    assert plan is not None, "who is asked for a plan answers with one"
    return SourcePlan.of(plan)


def _row(services: Services, name: str) -> SourceRow:
    with services.database.read() as connection:
        return found(read_source(connection, name), f"source {name}")


ROUTER = Router("/sources", tags=["sources"], route_handlers=[plan_source, plan_ref])
