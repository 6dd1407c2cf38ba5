"""A workflow file checked without being saved."""

from typing import Annotated

from litestar import Response, Router, post
from litestar.params import QueryParameter, RawBody

from dsl.loader import load_text
from dsl.render import render


@post("/", status_code=200, sync_to_thread=True, operation_id="validate", summary="Check a workflow file")
def validate(
    body: RawBody,
    file: Annotated[
        str, QueryParameter(description="The name that diagnostics show.", max_length=500)
    ] = "workflow.yaml",
) -> Response[str]:
    """Check a file's text (the body) and return its diagnostics: exactly what `chronoverse validate` prints as JSON."""
    result = load_text(body, file)
    return Response(render(result, "json"), media_type="application/json")


ROUTER = Router("/validate", tags=["validate"], route_handlers=[validate])
