"""A workflow file checked without being saved."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

from litestar import Response, Router, post
from litestar.params import QueryParameter, RawBody

from api.dependencies import Injected
from api.problems import RESPONSES
from engine.store.reads_live import live

if TYPE_CHECKING:
    from dsl.model import Workflow


@post(
    "/",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="validate",
    summary="Check a workflow file",
)
def validate(
    services: Injected,
    body: RawBody,
    file: Annotated[
        str, QueryParameter(description="The name that diagnostics show.", max_length=500)
    ] = "workflow.yaml",
) -> Response[str]:
    """Check a file's text (the body) and return its diagnostics: what `chronoverse validate` prints as JSON.

    A workflow that the file names and does not hold must be live: without a server that is only a warning.
    """
    from dsl.loader import load_text  # noqa: PLC0415 - an API of its own compiles nothing until it is asked to
    from dsl.render import render  # noqa: PLC0415

    def known(names: Collection[str]) -> "dict[str, Workflow | None]":
        with services.database.read() as connection:
            return {name: item.workflow for name, item in live(connection, names).items()}

    return Response(render(load_text(body, file, known=known), "json"), media_type="application/json")


ROUTER = Router("/validate", tags=["validate"], route_handlers=[validate])
