"""A workflow file checked without being saved."""

from typing import Annotated

from litestar import Response, Router, post
from litestar.params import QueryParameter, RawBody

from api.problems import RESPONSES


@post(
    "/",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="validate",
    summary="Check a workflow file",
)
def validate(
    body: RawBody,
    file: Annotated[
        str, QueryParameter(description="The name that diagnostics show.", max_length=500)
    ] = "workflow.yaml",
) -> Response[str]:
    """Check a file's text (the body) and return its diagnostics: exactly what `chronoverse validate` prints as JSON."""
    from dsl.loader import load_text  # noqa: PLC0415 - an API of its own compiles nothing until it is asked to
    from dsl.render import render  # noqa: PLC0415

    return Response(render(load_text(body, file), "json"), media_type="application/json")


ROUTER = Router("/validate", tags=["validate"], route_handlers=[validate])
