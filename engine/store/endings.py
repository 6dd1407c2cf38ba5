"""What the end of a run brings with it, in the same transaction: runs of listening workflows, notices, a pause."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from dsl.model import WorkflowTrigger
from engine.machine.model import Run
from engine.machine.states import RunState
from engine.store import revisions
from engine.store.bulk import Bulk
from engine.store.membership import one_of
from engine.store.runs import create_runs
from engine.store.tables import firings, notifications, runs, triggers, workflows
from engine.store.triggers import FiringOutcome, read_spec

LISTENERS_MAX: Final = 10_000

_firing_insert = Bulk(
    firings, ["workflow_id", "trigger", "fire_time", "kind", "outcome", "message", "run_id", "created_at"]
)
_notice_insert = Bulk(
    notifications,
    ["run_id", "workflow_id", "revision_id", "position", "event", "payload", "state", "next_at", "created_at"],
)


@dataclass(frozen=True, slots=True)
class Listener:
    """A trigger that waits for the runs of another workflow."""

    workflow_id: str
    revision_id: str
    name: str
    spec: WorkflowTrigger


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener made of one ended run."""

    listener: Listener
    upstream: Run
    outcome: FiringOutcome
    message: str = ""
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification of a run's end, to be sent by `notify[position]` of its revision."""

    run: Run
    position: int
    event: str
    payload: dict[str, Any]


@dataclass(slots=True)
class Ending:
    """All that one run's end brings with it. `pause` says why the workflow's triggers are to rest."""

    run: Run
    heard: list[Heard] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    pause: str = ""


def listeners(connection: Connection, upstream: Collection[str]) -> list[Listener]:
    """Return the triggers, of workflows that are neither paused nor removed, that wait for these (`namespace/name`)."""
    query = (
        select(triggers.c.workflow_id, workflows.c.active_revision_id, triggers.c.name, triggers.c.spec)
        .join(workflows, workflows.c.id == triggers.c.workflow_id)
        .where(triggers.c.kind == "workflow", workflows.c.paused_at.is_(None), workflows.c.archived_at.is_(None))
        .where(workflows.c.active_revision_id.is_not(None))
        .order_by(triggers.c.workflow_id, triggers.c.name)
        .limit(LISTENERS_MAX)
    )
    found = (Listener(row[0], row[1], row[2], read_spec(row[3])) for row in connection.execute(query))  # type: ignore[arg-type]
    return [listener for listener in found if listener.spec.name in upstream]


def paused(connection: Connection, workflow_ids: Collection[str]) -> set[str]:
    """Return which of the workflows are paused."""
    query = select(workflows.c.id).where(one_of(workflows.c.id, workflow_ids), workflows.c.paused_at.is_not(None))
    return set(connection.execute(query).scalars())


def recent_states(connection: Connection, workflow_id: str, number: int) -> list[str]:
    """Return how the workflow's last runs ended, newest first: those that succeeded or failed since it was resumed.

    Runs of backfills do not count: they say nothing of how it goes now.
    """
    since = select(workflows.c.resumed_at).where(workflows.c.id == workflow_id)
    resumed_at = connection.execute(since).scalar()
    query = select(runs.c.state).where(
        runs.c.workflow_id == workflow_id,
        runs.c.state.in_([RunState.SUCCEEDED, RunState.FAILED]),
        runs.c.backfill_id.is_(None),
    )
    if resumed_at is not None:
        query = query.where(runs.c.created_at > resumed_at)
    return list(connection.execute(query.order_by(runs.c.id.desc()).limit(number)).scalars())


def write_endings(connection: Connection, endings: Iterable[Ending], now: datetime) -> set[str]:
    """Write what the ends of runs bring with them; return the runs that were created, to be woken after the commit.

    A listener hears of a run once: its ledger has a line for each run that it heard of.
    """
    ended = list(endings)
    heard = _unheard(connection, [each for ending in ended for each in ending.heard])
    _firing_insert.insert(connection, [_firing(each, now) for each in heard])
    _notice_insert.insert(connection, [_notice(each, now) for ending in ended for each in ending.notices])
    for ending in ended:
        if ending.pause:
            revisions.pause(connection, ending.run.workflow_id, "system", ending.pause, now)
    created = [each.run for each in heard if each.run is not None]
    create_runs(connection, created)
    return {run.id for run in created}


def _unheard(connection: Connection, heard: Sequence[Heard]) -> list[Heard]:
    if not heard:
        return []
    query = select(firings.c.workflow_id, firings.c.trigger, firings.c.kind)
    query = query.where(one_of(firings.c.workflow_id, {each.listener.workflow_id for each in heard}))
    known = {
        tuple(row) for row in connection.execute(query.where(one_of(firings.c.kind, {_kind(each) for each in heard})))
    }
    return [each for each in heard if (each.listener.workflow_id, each.listener.name, _kind(each)) not in known]


def _kind(heard: Heard) -> str:
    return f"run:{heard.upstream.id}"


def _firing(heard: Heard, now: datetime) -> tuple[Any, ...]:
    listener, run = heard.listener, heard.run
    run_id = None if run is None else run.id
    key = (listener.workflow_id, listener.name, heard.upstream.finished_at or now, _kind(heard))
    return (*key, str(heard.outcome), heard.message, run_id, now)


def _notice(notice: Notice, now: datetime) -> tuple[Any, ...]:
    run = notice.run
    return (
        run.id,
        run.workflow_id,
        run.revision_id,
        notice.position,
        notice.event,
        notice.payload,
        "pending",
        now,
        now,
    )
