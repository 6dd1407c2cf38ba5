"""The trigger rows of workflows: written when a revision becomes active, put to rest, roused again.

A trigger that goes on unchanged keeps when it is next due. One whose schedule changed first settles what is due under
the old one, then counts from now. `anchor_at` is its first activation and stays, so that `every` keeps its phase.
Whoever calls has locked the workflow's row; the trigger's row is locked here, against the scheduler.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from dsl.model import Schedule, Trigger
from engine.machine.model import Run
from engine.schedule.catchup import next_times
from engine.store.tables import triggers
from engine.store.triggers import Firing, FiringOutcome, ScheduledTrigger, jitter_key, note, read_spec, select_triggers

Settle = Callable[[Connection, Sequence[ScheduledTrigger], datetime], list[Run]]
"""Fires what is due of these triggers now, in this transaction; returns the runs created."""

Triggers = Mapping[str, Trigger]

_UNTIMED: Final = frozenset({"condition", "inputs", "line"})
"""Fields that say what a firing does, not when: changing them moves nothing."""


def settle_changes(connection: Connection, wanted: Mapping[str, Triggers], now: datetime, settle: Settle) -> list[Run]:
    """Fire what is due of triggers that `wanted` (by workflow id) times differently or no longer has.

    To be called while the old revisions are still active. A nominal time that has come but waits for its jitter is due.
    """
    leaving = [
        (row.workflow_id, row.name)
        for row in _locked(connection, wanted)
        if row.next_fire_time is not None
        and row.next_fire_time <= now
        and not _same_timing(read_spec(row.spec), wanted[row.workflow_id].get(row.name))
    ]
    return settle(connection, select_triggers(connection, leaving), now) if leaving else []


def write(
    connection: Connection, wanted: Mapping[str, Triggers], now: datetime, *, resting: Collection[str] = ()
) -> None:
    """Make the rows of these workflows (by id) what their revisions say; those of `resting` ones do not fire."""
    before = {(row.workflow_id, row.name): row for row in _locked(connection, wanted)}
    new: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    for workflow_id, specs in wanted.items():
        for name, spec in specs.items():
            row = before.pop((workflow_id, name), None)
            values = _values(workflow_id, name, spec, row, now, resting=workflow_id in resting)
            (new if row is None else kept).append(values)
    if new:
        connection.execute(insert(triggers), new)
    _update(connection, kept)
    _delete(connection, before)


def forthcoming(connection: Connection, workflow_id: str, specs: Triggers, now: datetime) -> list[dict[str, Any]]:
    """Return the rows that `write` would make of a workflow's triggers now; changes and locks nothing."""
    query = select(triggers).where(triggers.c.workflow_id == workflow_id)
    before = {row.name: row for row in connection.execute(query)}
    return [_values(workflow_id, name, spec, before.get(name), now) for name, spec in specs.items()]


def rest(connection: Connection, workflow_ids: Collection[str], now: datetime, why: str) -> None:
    """Let the workflows' triggers fire no more; a nominal time that has come is noted as skipped."""
    for row in _locked(connection, workflow_ids):
        if row.next_fire_time is not None and row.next_fire_time <= now:
            note(connection, (row.workflow_id, row.name), Firing(row.next_fire_time, FiringOutcome.SKIPPED, why), now)
    statement = update(triggers).where(triggers.c.workflow_id == bindparam("wanted"))
    rows = [{"wanted": wanted, "next_fire_time": None, "next_at": None, "updated_at": now} for wanted in workflow_ids]
    if rows:
        connection.execute(statement, rows)


def rouse(connection: Connection, workflow_id: str, now: datetime) -> None:
    """Let the workflow's triggers fire again, counting from now: the time at rest was not missed."""
    rows = _locked(connection, [workflow_id])
    _update(connection, [_values(row.workflow_id, row.name, read_spec(row.spec), row, now) for row in rows])


def _values(
    workflow_id: str, name: str, spec: Trigger, row: Row[Any] | None, now: datetime, *, resting: bool = False
) -> dict[str, Any]:
    """Return the row of a trigger; `row` is what there was of it."""
    kind = str(type(spec).__struct_config__.tag)
    anchor_at = row.anchor_at if row is not None and row.kind == kind else now
    if row is not None and row.next_at is not None and _same_timing(read_spec(row.spec), spec):
        next_fire_time, next_at = row.next_fire_time, row.next_at
    else:
        next_fire_time, next_at = _next_times(spec, anchor_at, now, jitter_key(workflow_id, name))
    return {
        "workflow_id": workflow_id,
        "name": name,
        "kind": kind,
        "spec": _builtins(spec),
        "anchor_at": anchor_at,
        "next_fire_time": None if resting else next_fire_time,
        "next_at": None if resting else next_at,
        "updated_at": now,
    }


def _next_times(spec: Trigger, anchor_at: datetime, now: datetime, key: str) -> tuple[datetime | None, datetime | None]:
    """Return the next nominal time and when it is due; nothing for a trigger that does not go by the clock."""
    return next_times(spec, anchor_at, now, key) if isinstance(spec, Schedule) else (None, None)


def _builtins(spec: Trigger) -> dict[str, Any]:
    builtins: dict[str, Any] = msgspec.to_builtins(spec)
    builtins.pop("line", None)
    return builtins


def _same_timing(before: Trigger, after: Trigger | None) -> bool:
    return after is not None and _timing(before) == _timing(after)


def _timing(spec: Trigger) -> dict[str, Any]:
    return {name: value for name, value in _builtins(spec).items() if name not in _UNTIMED}


def _locked(connection: Connection, workflow_ids: Iterable[str]) -> list[Row[Any]]:
    """Lock and return the rows of workflows; waits for a scheduler that has one in hand."""
    query = select(triggers).where(triggers.c.workflow_id.in_(list(workflow_ids)))
    return list(connection.execute(query.order_by(triggers.c.workflow_id, triggers.c.name).with_for_update()))


def _update(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    where = (triggers.c.workflow_id == bindparam("of"), triggers.c.name == bindparam("named"))
    names = ("kind", "spec", "anchor_at", "next_fire_time", "next_at", "updated_at")
    statement = update(triggers).where(*where).values({name: bindparam(name) for name in names})
    connection.execute(
        statement,
        [{"of": row["workflow_id"], "named": row["name"], **{name: row[name] for name in names}} for row in rows],
    )


def _delete(connection: Connection, keys: Iterable[tuple[str, str]]) -> None:
    where = (triggers.c.workflow_id == bindparam("of"), triggers.c.name == bindparam("named"))
    rows = [{"of": workflow_id, "named": name} for workflow_id, name in keys]
    if rows:
        connection.execute(delete(triggers).where(*where), rows)
