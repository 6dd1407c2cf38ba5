"""Analytics: how runs went, from figures that are counted when runs end. Reads no runs, however many there are."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from litestar import Router, get
from litestar.params import QueryParameter

from api.dependencies import Injected
from api.parameters import Moment, found, read_moment, read_workflow, refused
from api.problems import RESPONSES
from api.schemas.analytics import Analytics, AnalyticsFigures, AnalyticsItem
from engine.analytics import ACCURACY, Figures, Width, bucket_of
from engine.store.reads_workflows import read_workflow as workflow_row
from engine.store.rollups import EVERYTHING, scope_of_namespace
from engine.store.rollups_kept import count_pending, list_figures

ITEMS_MAX: Final = 1000
OLDEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
NEWEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
USUAL: Final = {Width.HOUR: timedelta(hours=23), Width.DAY: timedelta(days=29)}
"""How far back is looked where nothing is said, beside the hour or day that has begun."""


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="getAnalytics", summary="Figures over time")
def get_analytics(
    services: Injected,
    workflow: Annotated[str | None, QueryParameter(description="`namespace/name`")] = None,
    namespace: Annotated[str | None, QueryParameter(description="All workflows of this namespace together.")] = None,
    since: Moment = None,
    until: Moment = None,
    by: Annotated[Width, QueryParameter(description="`hour` (kept for 40 days) or `day` (kept for 800).")] = Width.DAY,
) -> Analytics:
    """Show how runs went that ended in [since, until), by hour or day in UTC: of a workflow, a namespace, or all."""
    if workflow is not None and namespace is not None:
        raise refused("query.namespace", "does not go with workflow", "leave one of them out")
    begin, end = _span(read_moment("since", since), read_moment("until", until), by, services.database.now())
    total = Figures()
    with services.database.read() as connection:
        scope = EVERYTHING if namespace is None else scope_of_namespace(namespace)
        if workflow is not None:
            scope = found(workflow_row(connection, *read_workflow(workflow)), f"workflow {workflow}").id
        rows = list_figures(connection, scope, by, since=begin, until=end)
        pending = count_pending(connection)
    items = [AnalyticsItem(starts_at=row.starts_at, figures=AnalyticsFigures.of(row.figures)) for row in rows]
    for row in rows:
        total.merge(row.figures)
    return Analytics(
        workflow=workflow,
        namespace=namespace,
        by=by,
        since=begin,
        until=end,
        accuracy=ACCURACY,
        pending=pending,
        total=AnalyticsFigures.of(total),
        items=items,
    )


def _span(since: datetime | None, until: datetime | None, by: Width, now: datetime) -> tuple[datetime, datetime]:
    """Return when the first hour or day asked for begins, and when the last one has ended. Raises `RefusedError`."""
    last = now if until is None else _sane(until) - timedelta(microseconds=1)
    end = bucket_of(last, by) + by.length
    begin = bucket_of(last - USUAL[by] if since is None else _sane(since), by)
    if begin >= end:
        raise refused("query.since", "is not before until", "swap them, or leave one of them out")
    if (end - begin) / by.length > ITEMS_MAX:
        raise refused("query.since", f"is more than {ITEMS_MAX} times {by} before until", "ask for less, or by=day")
    return begin, end


def _sane(moment: datetime) -> datetime:
    """Return a moment that can be reckoned with; nothing ran in the first century, and nothing in the last."""
    return min(max(moment, OLDEST), NEWEST)


ROUTER = Router("/analytics", tags=["analytics"], route_handlers=[get_analytics])
