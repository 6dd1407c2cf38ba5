"""One action on many runs: each in a transaction of its own, with an outcome of its own."""

from collections.abc import Callable

from api.parameters import cursor_id, page, read_uuid, refused
from api.schemas.batches import BatchItem, BatchOutcome, BatchPage, BatchRequest, RunsWanted
from api.schemas.workflows import WorkflowName
from engine.accounts.roles import Caller, Role
from engine.machine.states import RUN_TERMINAL
from engine.services.refusals import ConflictError, InvalidInputsError, KeyReusedError, UnknownError
from engine.store import reads_runs as reads
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.reads_workflows import read_workflow
from engine.store.run_filter import RunFilter

Action = Callable[[str], str | None]
"""Acts on the run of an id, and returns the id of the run that it made, if it makes one."""


def carried_out(
    database: Database, caller: Caller, asked: BatchRequest, action: Action, *, ended: bool, default: list[str]
) -> BatchPage:
    """Act on each run that is asked for and return what became of it. Raises `RefusedError`, `UnknownError`.

    `ended`: whether the action is for runs that have ended, or for those that have not. `default` are the states that
    are meant where a filter names none. What the caller may not see is unknown, and left out of what a filter finds.
    """
    rows, following = _chosen(database, caller, asked, default)
    items = []
    for run_id, row in rows:
        if row is None or not caller.may(Role.VIEWER, row.namespace):
            items.append(
                BatchItem(id=run_id, workflow=None, outcome=BatchOutcome.UNKNOWN, message="there is no such run")
            )
        else:
            items.append(_one(row, caller, action, ended=ended, dry_run=asked.dry_run))
    return BatchPage(items=items, next=following)


def _one(row: reads.RunRow, caller: Caller, action: Action, *, ended: bool, dry_run: bool) -> BatchItem:
    outcome, message, made = BatchOutcome.PLANNED if dry_run else BatchOutcome.DONE, "", None
    try:
        if not caller.may(Role.OPERATOR, row.namespace):
            raise ConflictError(f"{caller.name} is not {Role.OPERATOR} in {row.namespace}")
        if (row.state in RUN_TERMINAL) is not ended:
            raise ConflictError("it has not ended" if ended else f"it has ended already: it {row.state}")
        made = None if dry_run else action(row.id)
    except (ConflictError, InvalidInputsError, KeyReusedError, UnknownError) as error:
        outcome, message = BatchOutcome.REFUSED, str(error)
    workflow = WorkflowName(namespace=row.namespace, name=row.name)
    return BatchItem(id=row.id, workflow=workflow, outcome=outcome, message=message, made=made)


def _chosen(
    database: Database, caller: Caller, asked: BatchRequest, default: list[str]
) -> tuple[list[tuple[str, reads.RunRow | None]], str | None]:
    """Return the runs, those that are not there as None, and the cursor of those that follow."""
    if (asked.ids is None) is (asked.where is None):
        raise refused("body", "names the runs by both ids and where, or by none", "send either of them")
    with database.read() as connection:
        if asked.ids is not None:
            hint = "GET /api/v1/runs lists runs with their ids"
            wanted = dict.fromkeys(read_uuid(f"body.ids[{at}]", text, hint) for at, text in enumerate(asked.ids))
            return [(run_id, reads.read_run(connection, run_id)) for run_id in wanted], None
        assert asked.where is not None, "one of them is there"
        found = _filter(connection, caller, asked.where, default)
        before = cursor_id(asked.cursor)
        rows, more = page(reads.list_runs(connection, found, before=before, limit=asked.limit + 1), asked.limit)
    seen = [(row.id, row) for row in rows if caller.may(Role.VIEWER, row.namespace)]
    return list(seen), rows[-1].id if more else None


def _filter(connection: Connection, caller: Caller, where: RunsWanted, default: list[str]) -> RunFilter:
    workflow_id = None
    if where.workflow is not None:
        namespace, _, name = where.workflow.partition("/")
        row = read_workflow(connection, namespace, name)
        if row is None or not caller.may(Role.VIEWER, namespace):
            raise UnknownError(f"there is no workflow {where.workflow}")
        workflow_id = row.id
    hint = "GET /api/v1/backfills lists backfills with their ids"
    pairs = (text.partition(":") for text in where.label)
    return RunFilter(
        workflow_id=workflow_id,
        states=[str(state) for state in where.state] or default,
        labels=[(key, value) for key, _, value in pairs],
        since=where.since,
        until=where.until,
        trigger=where.trigger,
        backfill=None if where.backfill is None else read_uuid("body.where.backfill", where.backfill, hint),
    )
