"""Backfills: planned, created, listed, shown, paused, resumed, cancelled."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from api.authentication import Asking
from api.dependencies import Injected
from api.once import once_of
from api.parameters import (
    PAGE_SIZE,
    Cursor,
    IdempotencyKey,
    Limit,
    cursor_id,
    found,
    page,
    read_moment,
    read_workflow,
    refused,
)
from api.parameters import backfill_id as checked_id
from api.problems import RESPONSES
from api.schemas.backfills import (
    Backfill,
    BackfillCancelRequest,
    BackfillPage,
    BackfillPlan,
    BackfillRequest,
    BackfillTime,
    BackfillTimePage,
)
from engine.backfilling import BackfillState
from engine.services.actions import Replay
from engine.services.asked_backfills import Wanted
from engine.services.backfills import Standing
from engine.store import reads_backfills as store
from engine.store.reads_workflows import read_workflow as workflow_row


@post(
    "/{namespace:str}/{name:str}/backfills",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="createBackfill",
    summary="Create a backfill",
)
def create_backfill(
    services: Injected,
    caller: Asking,
    namespace: FromPath[str],
    name: FromPath[str],
    data: JSONBody[BackfillRequest],
    idempotency_key: IdempotencyKey = None,
) -> Response[Backfill]:
    """Have the nominal times of a range that has passed run on the active revision, a few at once.

    A scheduler carries it on. Its runs wait behind all others, and see what a run fired at that time would have seen.
    """
    once = once_of(idempotency_key, data, 201, Backfill.standing)
    made = services.backfills.create(namespace, name, _wanted(data), by=caller.name, once=once)
    answer = _answer(made)
    return Response(answer, status_code=201, headers={"Location": f"/api/v1/backfills/{answer.id}"})


@post(
    "/{namespace:str}/{name:str}/backfills/plan",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="planBackfill",
    summary="Plan a backfill",
)
def plan_backfill(
    services: Injected, namespace: FromPath[str], name: FromPath[str], data: JSONBody[BackfillRequest]
) -> BackfillPlan:
    """Say what a backfill would do with each time, and make nothing."""
    return BackfillPlan.of(services.backfills.plan(namespace, name, _wanted(data)))


@get("/", sync_to_thread=True, responses=RESPONSES, operation_id="listBackfills", summary="List backfills")
def list_backfills(
    services: Injected,
    workflow: Annotated[str | None, QueryParameter(description="`namespace/name`")] = None,
    states: Annotated[list[BackfillState] | None, QueryParameter(name="state", description="Repeat it.")] = None,
    limit: Limit = PAGE_SIZE,
    cursor: Cursor = None,
) -> BackfillPage:
    """List backfills, newest first."""
    before = cursor_id(cursor)
    with services.database.read() as connection:
        workflow_id = None
        if workflow is not None:
            workflow_id = found(workflow_row(connection, *read_workflow(workflow)), f"workflow {workflow}").id
        wanted = store.BackfillFilter(workflow_id=workflow_id, states=[str(state) for state in states or []])
        rows, more = page(store.list_backfills(connection, wanted, before=before, limit=limit + 1), limit)
        runs = store.count_runs(connection, [row.id for row in rows])
    return BackfillPage(items=[Backfill.of(row, runs[row.id]) for row in rows], next=rows[-1].id if more else None)


@get(
    "/{backfill_id:str}",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="getBackfill",
    summary="Show a backfill",
)
def get_backfill(services: Injected, backfill_id: FromPath[str]) -> Backfill:
    """Show a backfill with its runs counted by state."""
    with services.database.read() as connection:
        row = found(store.read_backfill(connection, _id(backfill_id)), f"backfill {backfill_id}")
        return Backfill.of(row, store.count_runs(connection, [row.id])[row.id])


@get(
    "/{backfill_id:str}/times",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="listBackfillTimes",
    summary="List a backfill's times",
)
def list_backfill_times(
    services: Injected, backfill_id: FromPath[str], limit: Limit = PAGE_SIZE, cursor: Cursor = None
) -> BackfillTimePage:
    """List the nominal times that are decided, in the order of the clock: what became of each, and of its run."""
    after = read_moment("cursor", cursor)
    with services.database.read() as connection:
        row = found(store.read_backfill(connection, _id(backfill_id)), f"backfill {backfill_id}")
        rows, more = page(store.list_times(connection, row, after=after, limit=limit + 1), limit)
    following = rows[-1].fire_time.isoformat() if more else None
    return BackfillTimePage(items=[BackfillTime.of(time) for time in rows], next=following)


@post(
    "/{backfill_id:str}/pause",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="pauseBackfill",
    summary="Pause a backfill",
)
def pause_backfill(services: Injected, backfill_id: FromPath[str]) -> Backfill:
    """Let a backfill make no more runs. Those on their way go on."""
    return Backfill.standing(services.backfills.pause(_id(backfill_id)))


@post(
    "/{backfill_id:str}/resume",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="resumeBackfill",
    summary="Resume a backfill",
)
def resume_backfill(services: Injected, backfill_id: FromPath[str]) -> Backfill:
    """Let a paused backfill go on from where it was."""
    return Backfill.standing(services.backfills.resume(_id(backfill_id)))


@post(
    "/{backfill_id:str}/cancel",
    status_code=202,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="cancelBackfill",
    summary="Cancel a backfill",
)
def cancel_backfill(
    services: Injected,
    caller: Asking,
    backfill_id: FromPath[str],
    data: JSONBody[BackfillCancelRequest | None] = None,
    idempotency_key: IdempotencyKey = None,
) -> Backfill:
    """Give a backfill up, and ask for the end of its runs that have not started; with `runs`, of those that run too."""
    asked = data or BackfillCancelRequest()
    once = once_of(idempotency_key, asked, 202, Backfill.standing)
    made = services.backfills.cancel(_id(backfill_id), with_runs=asked.runs, by=caller.name, once=once)
    return _answer(made)


def _wanted(asked: BackfillRequest) -> Wanted:
    return Wanted(
        since=_moment("from", asked.since),
        until=_moment("to", asked.until),
        trigger=asked.trigger,
        policy=asked.only,
        parallel=asked.parallel,
        reverse=asked.reverse,
        inputs=asked.inputs,
    )


def _moment(name: str, given: datetime) -> datetime:
    try:
        return given.astimezone(UTC)
    except OverflowError as error:
        raise refused(
            f"body.{name}", f"{given} is beyond the calendar in UTC", "give a later or an earlier one"
        ) from error


def _answer(made: Standing | Replay) -> Backfill:
    return msgspec.convert(made.response, Backfill) if isinstance(made, Replay) else Backfill.standing(made)


def _id(text: str) -> str:
    return checked_id("path.backfill_id", text)


OF_WORKFLOWS = Router("/workflows", tags=["backfills"], route_handlers=[create_backfill, plan_backfill])
ROUTER = Router(
    "/backfills",
    tags=["backfills"],
    route_handlers=[
        list_backfills,
        get_backfill,
        list_backfill_times,
        pause_backfill,
        resume_backfill,
        cancel_backfill,
    ],
)
