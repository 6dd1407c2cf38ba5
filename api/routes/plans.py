"""What applying files to a source would do."""

from typing import Final

from litestar import Router, post
from litestar.params import FromPath, JSONBody

from api.dependencies import Injected
from api.problems import INVALID_BODY, RESPONSES, RefusedError
from api.schemas.plans import PlanRequest, SourcePlan
from api.schemas.problems import FieldFault

PLAN_BYTES_MAX: Final = 16 * 1024 * 1024
"""A body with all workflow files of a source."""


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


ROUTER = Router("/sources", tags=["sources"], route_handlers=[plan_source])
