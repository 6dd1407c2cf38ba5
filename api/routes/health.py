"""Whether the process lives, and whether it can do its work."""

from litestar import Response, Router, get

from api.dependencies import Injected
from api.schemas.states import Live, Ready, ReadyCheck


@get("/live", sync_to_thread=False, operation_id="live", summary="Does the process answer?")
def live() -> Live:
    """Answer: that is all."""
    return Live()


@get("/ready", sync_to_thread=True, operation_id="ready", summary="Can the process do its work?")
def ready(services: Injected) -> Response[Ready]:
    """Ask what the process needs; 503 if anything is wrong."""
    found = {name: check() for name, check in services.given.health.items()}
    checks = {name: ReadyCheck(ok=not fault, detail=fault) for name, fault in found.items()}
    well = not any(found.values())
    return Response(Ready(status="ok" if well else "not ready", checks=checks), status_code=200 if well else 503)


ROUTER = Router("/health", tags=["health"], route_handlers=[live, ready])
