"""Triggers that are due, the fire ledger, and the runs that firings make.

A firing is recorded in a transaction that has the trigger's row locked and finds it as it was seen. What was paused,
archived, changed or fired meanwhile is left alone. The ledger's key lets every nominal time count once, however many
schedulers run.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from dsl.model import Schedule, Trigger
from engine.machine.model import Run
from engine.store.bulk import Bulk
from engine.store.plain_text import plain_text
from engine.store.runs import create_runs
from engine.store.tables import firings, triggers, workflows

SCHEDULE_KINDS: Final = ("cron", "every")
SCHEDULED: Final = "schedule"
"""The kind, in the ledger, of what a schedule fires by itself."""

_times_update = Bulk(
    triggers, ["workflow_id", "name", "last_fire_time", "next_fire_time", "next_at", "updated_at"], keys=2
)


class FiringOutcome(StrEnum):
    """What became of a nominal time."""

    RUN = "run"
    """A run was created in time."""
    CAUGHT_UP = "caught_up"
    """A run was created for a time that had been missed."""
    SKIPPED = "skipped"
    """No run, on purpose; the message says why."""
    DROPPED = "dropped"
    """No run: more times were missed than are caught up."""
    FAILED = "failed"
    """A run was created that fails at its start, or none could be: the message says why."""


@dataclass(frozen=True, slots=True)
class ScheduledTrigger:
    """A trigger that fires by the clock, as its row says, with the revision that a firing would run."""

    workflow_id: str
    revision_id: str
    name: str
    schedule: Schedule
    anchor_at: datetime
    last_fire_time: datetime | None
    next_fire_time: datetime
    next_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """The row's key."""
        return self.workflow_id, self.name

    @property
    def kind(self) -> str:
        """`cron` or `every`."""
        return str(type(self.schedule).__struct_config__.tag)

    @property
    def jitter_key(self) -> str:
        """What its jitter is made from, besides the nominal time."""
        return jitter_key(self.workflow_id, self.name)


@dataclass(frozen=True, slots=True)
class Firing:
    """One nominal time and what becomes of it."""

    fire_time: datetime
    outcome: FiringOutcome
    message: str = ""
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Fired:
    """What a due trigger does: its firings, oldest first, and when it is next due (None: never again)."""

    trigger: ScheduledTrigger
    firings: tuple[Firing, ...]
    next_fire_time: datetime | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written: the runs created, and those of the given triggers that were as they were seen."""

    runs: list[Run]
    fired: tuple[Fired, ...]


def jitter_key(workflow_id: str, name: str) -> str:
    """Return what a trigger's jitter is made from, besides the nominal time."""
    return f"{workflow_id}/{name}"


def read_spec(spec: Any) -> Trigger:
    """Return the trigger that a row's `spec` holds."""
    found: Trigger = msgspec.convert(spec, Trigger)
    return found


def next_due_at(connection: Connection) -> datetime | None:
    """Return when the earliest trigger is due; None when none is."""
    found: datetime | None = connection.execute(select(func.min(triggers.c.next_at))).scalar_one()
    return found


def due(connection: Connection, now: datetime, limit: int, *, lock: bool = False) -> list[ScheduledTrigger]:
    """Return at most `limit` triggers that are due, the longest due first.

    With `lock` they are this transaction's, and those that another one has in hand are left out (PostgreSQL).
    """
    query = _scheduled().where(triggers.c.next_at <= now).order_by(triggers.c.next_at).limit(limit)
    if lock:
        query = query.with_for_update(of=triggers, skip_locked=True)
    return [_trigger(row) for row in connection.execute(query)]


def select_triggers(connection: Connection, keys: Collection[tuple[str, str]]) -> list[ScheduledTrigger]:
    """Return those of the named triggers (workflow id, name) that are going to fire."""
    key = tuple_(triggers.c.workflow_id, triggers.c.name)
    return [_trigger(row) for row in connection.execute(_scheduled().where(key.in_(list(keys))))]


def scheduled(connection: Connection, workflow_id: str) -> list[ScheduledTrigger]:
    """Return the workflow's triggers that are going to fire, the next first."""
    query = _scheduled().where(triggers.c.workflow_id == workflow_id).order_by(triggers.c.next_at, triggers.c.name)
    return [_trigger(row) for row in connection.execute(query)]


def record(connection: Connection, given: Sequence[Fired], now: datetime, *, locked: bool = False) -> Recorded:
    """Write the firings of triggers that are as they were seen, create the runs, and move the triggers on.

    A run is created only if its nominal time was not in the ledger. `locked`: the triggers were read and locked by this
    very transaction, so they are as they were seen.
    """
    held = {item.trigger.key for item in given} if locked else _lock(connection, given)
    fired = tuple(item for item in given if item.trigger.key in held)
    entered = enter(connection, [(item.trigger.key, firing) for item in fired for firing in item.firings], now)
    created = [
        firing.run
        for item in fired
        for firing in item.firings
        if firing.run is not None and (*item.trigger.key, firing.fire_time) in entered
    ]
    create_runs(connection, created)
    _move_on(connection, fired, now)
    return Recorded(created, fired)


def enter(
    connection: Connection, given: Sequence[tuple[tuple[str, str], Firing]], now: datetime, kind: str = SCHEDULED
) -> set[tuple[str, str, datetime]]:
    """Write the ledger's rows of firings, each with its trigger's key; return the keys of those that were not there.

    `kind` tells the live firings of a trigger from those of each backfill: a nominal time counts once in each.
    """
    rows = [_row(*key, firing, now, kind) for key, firing in given]
    if not rows:
        return set()
    statement = _insert(connection).on_conflict_do_nothing()
    statement = statement.returning(firings.c.workflow_id, firings.c.trigger, firings.c.fire_time)
    return {(row[0], row[1], row[2]) for row in connection.execute(statement, rows)}


def note(connection: Connection, trigger: tuple[str, str], firing: Firing, now: datetime) -> None:
    """Write one ledger row without a run, unless the nominal time has one."""
    statement = _insert(connection).on_conflict_do_nothing()
    connection.execute(statement, [_row(*trigger, firing, now)])


def _scheduled() -> Select[Any]:
    return (
        select(
            triggers.c.workflow_id,
            workflows.c.active_revision_id,
            triggers.c.name,
            triggers.c.spec,
            triggers.c.anchor_at,
            triggers.c.last_fire_time,
            triggers.c.next_fire_time,
            triggers.c.next_at,
        )
        .join(workflows, workflows.c.id == triggers.c.workflow_id)
        .where(
            triggers.c.next_at.is_not(None),
            triggers.c.kind.in_(SCHEDULE_KINDS),
            workflows.c.active_revision_id.is_not(None),
            workflows.c.paused_at.is_(None),
            workflows.c.archived_at.is_(None),
        )
    )


def _trigger(row: Any) -> ScheduledTrigger:
    workflow_id, revision_id, name, spec, *times = row
    return ScheduledTrigger(workflow_id, revision_id, name, msgspec.convert(spec, Schedule), *times)


def _lock(connection: Connection, fired: Sequence[Fired]) -> set[tuple[str, str]]:
    """Lock the rows that are as they were seen; skip those that another scheduler has in hand."""
    seen = {item.trigger.key: item.trigger for item in fired}
    query = _scheduled().where(triggers.c.workflow_id.in_({workflow_id for workflow_id, _ in seen}))
    found = connection.execute(query.with_for_update(of=triggers, skip_locked=True))
    return {trigger.key for trigger in map(_trigger, found) if trigger == seen.get(trigger.key)}


def _row(workflow_id: str, name: str, firing: Firing, now: datetime, kind: str = SCHEDULED) -> dict[str, Any]:
    return {
        "workflow_id": workflow_id,
        "trigger": name,
        "fire_time": firing.fire_time,
        "kind": kind,
        "outcome": str(firing.outcome),
        "message": plain_text(firing.message),
        "run_id": None if firing.run is None else firing.run.id,
        "created_at": now,
    }


def _insert(connection: Connection) -> Any:
    """Return the dialect's own INSERT into the ledger: `ON CONFLICT` is no standard SQL."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(firings)


def _move_on(connection: Connection, fired: Sequence[Fired], now: datetime) -> None:
    rows = [
        (
            *item.trigger.key,
            item.firings[-1].fire_time if item.firings else item.trigger.last_fire_time,
            item.next_fire_time,
            item.next_at,
            now,
        )
        for item in fired
    ]
    _times_update.update(connection, rows)
