"""The process's numbers, as Prometheus reads them."""

from typing import Any

from litestar import Request, Response, Router, get

from engine.telemetry.prometheus import exposition


@get(
    "/",
    sync_to_thread=True,
    operation_id="metrics",
    summary="Metrics",
    media_type="text/plain",
)
def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return all numbers in Prometheus's text format, or as OpenMetrics where that is accepted."""
    body, media_type = exposition(request.headers.get("accept", ""))
    return Response(body, media_type=media_type)


ROUTER = Router("/metrics", tags=["metrics"], route_handlers=[metrics])
