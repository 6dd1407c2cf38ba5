"""The application: routes, problems, OpenAPI."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig

from api import problems
from api.access import allowed
from api.audit import Audited
from api.authentication import Authenticated, caller_of
from api.dependencies import Dependencies, Services
from api.document.complete import WholeJson, WholeYaml, completed
from api.parameters import known_parameters
from api.routes import (
    accounts,
    analytics,
    approvals,
    artifacts,
    audit,
    backfills,
    badges,
    commits,
    drift,
    events,
    health,
    hooks,
    log_search,
    logs,
    metrics,
    notifications,
    plans,
    run_again,
    run_batches,
    runs,
    secrets,
    session,
    source_hooks,
    sources,
    syncs,
    validation,
    webhooks,
    workers,
    workflows,
)
from engine.services.audit_log import AuditLog

BASE = "/api/v1"


def create_app(dependencies: Dependencies) -> Litestar:
    """Return the application over what a process has opened. It opens and closes nothing itself."""
    services = Services.of(dependencies)
    of_runs = [
        *runs.HANDLERS,
        *run_again.HANDLERS,
        *run_batches.HANDLERS,
        *approvals.HANDLERS,
        *logs.HANDLERS,
        *artifacts.HANDLERS,
    ]
    runs_router = Router("/runs", tags=["runs"], route_handlers=of_runs)
    resources = [
        workflows.ROUTER,
        runs_router,
        approvals.ROUTER,
        backfills.OF_WORKFLOWS,
        backfills.ROUTER,
        drift.OF_WORKFLOWS,
        badges.OF_WORKFLOWS,
        drift.ROUTER,
        hooks.ROUTER,
        notifications.ROUTER,
        events.router(services),
        webhooks.ROUTER,
        secrets.ROUTER,
        session.ROUTER,
        accounts.ROUTER,
        audit.ROUTER,
        sources.ROUTER,
        syncs.ROUTER,
        plans.ROUTER,
        commits.ROUTER,
        source_hooks.ROUTER,
        workers.ROUTER,
        analytics.ROUTER,
        log_search.ROUTER,
        validation.ROUTER,
    ]
    base = Router(BASE, route_handlers=resources, guards=[known_parameters])
    return Litestar(
        route_handlers=[base, health.ROUTER, metrics.ROUTER],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "caller": Provide(caller_of, sync_to_thread=False),
        },
        exception_handlers={Exception: problems.answer},
        middleware=[
            DefineMiddleware(
                Audited,
                log=AuditLog(services.database),
                clock=dependencies.clock,
                ids=dependencies.new_id,
                linger_seconds=dependencies.audit_linger_seconds,
            ),
            DefineMiddleware(Authenticated, gate=services.gate),
        ],
        guards=[allowed],
        state=State({"services": services}),
        request_max_body_size=problems.BODY_BYTES_MAX,
        openapi_config=_openapi(),
        logging_config=None,
        debug=False,
    )


def _openapi() -> OpenAPIConfig:
    """Describe the API. The document itself is made when it is first asked for."""
    return OpenAPIConfig(
        title="Chronoverse",
        version=_version(),
        description="Workflows as code: what runs, what ran, and why not.",
        path="/schema",
        use_handler_docstrings=True,
        render_plugins=[WholeJson(path=["/", "/openapi.json"]), WholeYaml()],
    )


def _version() -> str:
    try:
        return version("chronoverse")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"


def openapi_document(dependencies: Dependencies) -> dict[str, Any]:
    """Return the OpenAPI document as plain values."""
    return completed(create_app(dependencies).openapi_schema.to_schema())
