"""How a workflow's last run went, as a small picture for a README or a dashboard."""

from typing import Annotated, Final
from xml.sax.saxutils import escape

from litestar import Response, Router, get
from litestar.params import FromPath, QueryParameter

from api.dependencies import Injected
from api.parameters import found
from api.problems import RESPONSES
from engine.machine.states import RunState
from engine.store.reads_runs import list_runs
from engine.store.reads_workflows import read_workflow
from engine.store.run_filter import RunFilter

COLOURS: Final = {"succeeded": "#3a7d1e", "failed": "#c0362c", "cancelled": "#6b6b6b"}
NO_RUNS: Final = ("no runs", "#8a8a8a")
ENDED: Final = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)
"""A run that was skipped says nothing of how the workflow does."""
LABEL_LENGTH_MAX: Final = 100
_LETTER: Final = 6.6
"""The width of a letter of 11 px on the average; `textLength` makes the text fit, whatever the font is."""
_PADDING: Final = 6.0


@get(
    "/{namespace:str}/{name:str}/badge",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="getBadge",
    summary="Show a badge",
    media_type="image/svg+xml",
)
def badge(
    services: Injected,
    namespace: FromPath[str],
    name: FromPath[str],
    label: Annotated[
        str | None, QueryParameter(max_length=LABEL_LENGTH_MAX, description="What it says; without, the name.")
    ] = None,
) -> Response[bytes]:
    """Return how the workflow's last run that was not skipped ended, as SVG. Nobody keeps it for later."""
    with services.database.read() as connection:
        row = found(read_workflow(connection, namespace, name), f"workflow {namespace}/{name}")
        last = list_runs(connection, RunFilter(workflow_id=row.id, states=ENDED), before=None, limit=1)
    said, colour = (last[0].state, COLOURS[last[0].state]) if last else NO_RUNS
    picture = svg(label or name, said, colour)
    return Response(picture.encode(), media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


def svg(label: str, message: str, colour: str) -> str:
    """Return the picture of a label and a message beside it."""
    left, right = _width(label), _width(message)
    whole = left + right
    said = escape(f"{label}: {message}", {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole:g}" height="20" role="img" aria-label="{said}">'
        f"<title>{said}</title>"
        f'<rect width="{whole:g}" height="20" rx="3" fill="{colour}"/>'
        f'<path d="M3 0h{left - 3:g}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f"{_text(label, left / 2, left)}{_text(message, left + right / 2, right)}</g></svg>"
    )


def _width(text: str) -> float:
    return round(len(text) * _LETTER + 2 * _PADDING, 1)


def _text(text: str, middle: float, width: float) -> str:
    length = f"{width - 2 * _PADDING:g}"
    return f'<text x="{middle:g}" y="14" textLength="{length}">{escape(text)}</text>'


OF_WORKFLOWS = Router("/workflows", tags=["workflows"], route_handlers=[badge])
"""What is asked of one workflow."""
