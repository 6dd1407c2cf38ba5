"""What must always be true of the database, each as a query that finds what breaks it.

`chronoverse doctor` runs them. They hold between any two transactions, so they may be run on a live system; those that
compare with the clock allow what a sweep needs to catch up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, exists, func, or_, select

from engine.machine.states import RUN_TERMINAL, TASK_TERMINAL, RunState, TaskState
from engine.store.tables import (
    attempts,
    backfills,
    firings,
    holders,
    log_batches,
    resources,
    revisions,
    run_data,
    runs,
    sessions,
    signals,
    task_runs,
    triggers,
    workflows,
)

ROWS_MAX: Final = 100
SETTLING: Final = timedelta(minutes=2)
"""Longer than every lease and sweep: what is older than this is not on its way any more."""

_RUN_ENDED = runs.c.state.in_(sorted(str(state) for state in RUN_TERMINAL))
_TASK_ENDED = task_runs.c.state.in_(sorted(str(state) for state in TASK_TERMINAL))


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule: its name, what it says, and the query for the rows that break it (their first column names them)."""

    name: str
    rule: str
    query: Callable[[datetime], Select[Any]]


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule, and the rows that break it (at most `ROWS_MAX`)."""

    invariant: Invariant
    rows: tuple[str, ...]


def check(connection: Connection, now: datetime) -> list[Violation]:
    """Return every rule that is broken."""
    found = []
    for invariant in INVARIANTS:
        rows = connection.execute(invariant.query(now).limit(ROWS_MAX)).all()
        if rows:
            found.append(Violation(invariant, tuple(" ".join(map(str, row)) for row in rows)))
    return found


_BY_WORKER: Final = and_(
    task_runs.c.state == TaskState.RUNNING, task_runs.c.attempt > 0, task_runs.c.kind != "workflow"
)
"""A task run that a worker carries out; a fan-out's own has no attempt, a child run no worker."""


def _running_without_lease(now: datetime) -> Select[Any]:
    live = exists().where(sessions.c.id == task_runs.c.session, sessions.c.ended_at.is_(None))
    ended_lately = exists().where(sessions.c.id == task_runs.c.session, sessions.c.ended_at > now - SETTLING)
    return select(task_runs.c.id).where(_BY_WORKER, ~live, ~ended_lately)


def _running_without_claim(_: datetime) -> Select[Any]:
    unclaimed = or_(task_runs.c.claim_id.is_(None), task_runs.c.session.is_(None))
    return select(task_runs.c.id).where(_BY_WORKER, unclaimed)


def _child_task_without_child(now: datetime) -> Select[Any]:
    child = exists().where(runs.c.id == task_runs.c.child_run)
    running = and_(task_runs.c.state == TaskState.RUNNING, task_runs.c.kind == "workflow", task_runs.c.attempt > 0)
    return select(task_runs.c.id).where(running, task_runs.c.queued_at < now - SETTLING, ~child)


def _live_task_of_ended_run(_: datetime) -> Select[Any]:
    joined = select(task_runs.c.id).join(runs, runs.c.id == task_runs.c.run_id)
    return joined.where(~_TASK_ENDED, _RUN_ENDED)


def _open_run_without_live_task(now: datetime) -> Select[Any]:
    live = exists().where(task_runs.c.run_id == runs.c.id, ~_TASK_ENDED)
    return select(runs.c.id).where(runs.c.state == RunState.RUNNING, runs.c.started_at < now - SETTLING, ~live)


def _run_without_data(_: datetime) -> Select[Any]:
    data = exists().where(run_data.c.run_id == runs.c.id)
    revision = exists().where(revisions.c.id == runs.c.revision_id)
    return select(runs.c.id).where(or_(~data, ~revision))


def _ended_without_time(_: datetime) -> Select[Any]:
    return select(runs.c.id).where(runs.c.finished_at.is_not(None) != _RUN_ENDED)


def _queued_and_forgotten(now: datetime) -> Select[Any]:
    return select(task_runs.c.id).where(
        task_runs.c.state == TaskState.QUEUED,
        task_runs.c.queued_at < now - SETTLING,
        task_runs.c.dispatched_at.is_(None),
    )


def _waiting_without_timer(_: datetime) -> Select[Any]:
    timer = exists().where(signals.c.run_id == task_runs.c.run_id, signals.c.kind == "task_timer")
    timed = or_(task_runs.c.reason.is_(None), task_runs.c.reason.not_in(["lock", "approval"]))
    return select(task_runs.c.id).where(task_runs.c.state == TaskState.WAITING, timed, ~timer)


def _waiting_for_a_lock_in_no_line(_: datetime) -> Select[Any]:
    line = exists().where(holders.c.task_run_id == task_runs.c.id)
    granted = exists().where(signals.c.run_id == task_runs.c.run_id, signals.c.kind.in_(["granted", "refused"]))
    waiting = and_(task_runs.c.state == TaskState.WAITING, task_runs.c.reason == "lock")
    return select(task_runs.c.id).where(waiting, ~line, ~granted)


def _signal_overdue(now: datetime) -> Select[Any]:
    return select(signals.c.id, signals.c.run_id, signals.c.kind).where(signals.c.due_at < now - SETTLING)


def _holder_of_ended_run(_: datetime) -> Select[Any]:
    return select(holders.c.resource, holders.c.run_id).join(runs, runs.c.id == holders.c.run_id).where(_RUN_ENDED)


def _holder_of_nobody(_: datetime) -> Select[Any]:
    return select(holders.c.resource, holders.c.run_id).where(~exists().where(runs.c.id == holders.c.run_id))


def _more_held_than_there_is(_: datetime) -> Select[Any]:
    held = select(holders.c.resource, func.sum(holders.c.units).label("units"))
    held = held.where(holders.c.held_at.is_not(None)).group_by(holders.c.resource)
    found = held.subquery()
    joined = select(found.c.resource, found.c.units).join(resources, resources.c.name == found.c.resource)
    # A limit that was lowered is kept to by the next run, not taken back from those that run.
    return joined.where(found.c.units > resources.c.capacity)


def _limited_run_without_slot(_: datetime) -> Select[Any]:
    held = exists().where(holders.c.run_id == runs.c.id, holders.c.held_at.is_not(None))
    limited = and_(runs.c.state == RunState.RUNNING, runs.c.concurrency_resource.is_not(None))
    return select(runs.c.id).where(limited, ~held)


def _attempts_do_not_add_up(_: datetime) -> Select[Any]:
    ended = (
        select(attempts.c.task_run_id, func.count().label("number"), func.max(attempts.c.number).label("last"))
        .group_by(attempts.c.task_run_id)
        .subquery()
    )
    joined = select(task_runs.c.id).join(ended, ended.c.task_run_id == task_runs.c.id)
    return joined.where(or_(ended.c.number != ended.c.last, ended.c.last > task_runs.c.attempt))


def _succeeded_twice(_: datetime) -> Select[Any]:
    succeeded = select(attempts.c.task_run_id, func.count().label("number")).where(attempts.c.state == "succeeded")
    found = succeeded.group_by(attempts.c.task_run_id).having(func.count() > 1).subquery()
    joined = select(found.c.task_run_id).join(task_runs, task_runs.c.id == found.c.task_run_id)
    return joined.where(found.c.number > task_runs.c.tries + 1)  # each try of a sensor succeeds once


def _firing_without_run(now: datetime) -> Select[Any]:
    run = exists().where(runs.c.id == firings.c.run_id)
    named = (firings.c.workflow_id, firings.c.trigger, firings.c.fire_time)
    missing = and_(firings.c.run_id.is_not(None), ~run, firings.c.created_at > now - timedelta(hours=1))
    promised = and_(firings.c.run_id.is_(None), firings.c.outcome.in_(["run", "caught_up"]))
    return select(*named).where(or_(missing, promised))


def _scheduled_run_without_firing(_: datetime) -> Select[Any]:
    firing = exists().where(firings.c.run_id == runs.c.id)
    return select(runs.c.id).where(runs.c.trigger_kind.in_(["cron", "every"]), ~firing)


def _open_run_of_finished_backfill(_: datetime) -> Select[Any]:
    joined = select(runs.c.id).join(backfills, backfills.c.id == runs.c.backfill_id)
    return joined.where(backfills.c.state == "finished", ~_RUN_ENDED)


def _backfill_does_not_add_up(now: datetime) -> Select[Any]:
    made = select(func.count()).where(runs.c.backfill_id == backfills.c.id).scalar_subquery()
    too_many = backfills.c.made + backfills.c.skipped > backfills.c.total
    recent = backfills.c.created_at > now - timedelta(hours=1)  # older runs may be gone by retention
    return select(backfills.c.id).where(or_(too_many, and_(recent, backfills.c.made != made)))


def _trigger_overdue(now: datetime) -> Select[Any]:
    joined = select(workflows.c.namespace, workflows.c.name, triggers.c.name)
    joined = joined.join(workflows, workflows.c.id == triggers.c.workflow_id)
    fires = and_(workflows.c.paused_at.is_(None), workflows.c.archived_at.is_(None))
    return joined.where(fires, triggers.c.next_at < now - SETTLING)


def _log_with_a_gap(_: datetime) -> Select[Any]:
    counted = select(log_batches.c.run_id).group_by(log_batches.c.run_id)
    return counted.having(func.count() != func.max(log_batches.c.pos))


def _active_revision_missing(_: datetime) -> Select[Any]:
    there = exists().where(revisions.c.id == workflows.c.active_revision_id, revisions.c.workflow_id == workflows.c.id)
    return select(workflows.c.namespace, workflows.c.name).where(workflows.c.active_revision_id.is_not(None), ~there)


def _another_revision_than_wanted(_: datetime) -> Select[Any]:
    joined = select(workflows.c.namespace, workflows.c.name)
    joined = joined.join(revisions, revisions.c.id == workflows.c.active_revision_id)
    return joined.where(revisions.c.number != func.coalesce(workflows.c.pinned_revision, workflows.c.revision_count))


def _held_though_archived(_: datetime) -> Select[Any]:
    held = or_(workflows.c.pinned_revision.is_not(None), workflows.c.restored_at.is_not(None))
    return select(workflows.c.namespace, workflows.c.name).where(workflows.c.archived_at.is_not(None), held)


INVARIANTS: Final[Sequence[Invariant]] = (
    Invariant("running-without-lease", "a running attempt has a session that is live", _running_without_lease),
    Invariant("running-without-claim", "a running attempt is held by one claim", _running_without_claim),
    Invariant("live-task-of-ended-run", "a run that has ended has no task that goes on", _live_task_of_ended_run),
    Invariant("stuck-run", "a running run has a task that goes on", _open_run_without_live_task),
    Invariant("run-without-data", "a run has its inputs and its revision", _run_without_data),
    Invariant("ended-without-time", "a run has ended exactly if it says when", _ended_without_time),
    Invariant("queued-and-forgotten", "a queued attempt has been offered", _queued_and_forgotten),
    Invariant("waiting-without-timer", "a waiting task has a timer", _waiting_without_timer),
    Invariant("lock-without-line", "a task that waits for a lock stands in line", _waiting_for_a_lock_in_no_line),
    Invariant("child-run-missing", "a task that waits for a child run has one", _child_task_without_child),
    Invariant("signal-overdue", "a signal that is due is applied", _signal_overdue),
    Invariant("holder-of-ended-run", "a run that has ended holds nothing", _holder_of_ended_run),
    Invariant("holder-of-nobody", "what holds something exists", _holder_of_nobody),
    Invariant("over-capacity", "no more is held than there is", _more_held_than_there_is),
    Invariant("limited-run-without-slot", "a running run with a limit holds its slot", _limited_run_without_slot),
    Invariant("attempts-add-up", "attempts are numbered without a gap up to the current one", _attempts_do_not_add_up),
    Invariant("succeeded-twice", "a task succeeds once", _succeeded_twice),
    Invariant("firing-without-run", "a firing that made a run has it", _firing_without_run),
    Invariant("run-without-firing", "a scheduled run stands in the fire ledger", _scheduled_run_without_firing),
    Invariant("backfill-done", "a finished backfill has no run on its way", _open_run_of_finished_backfill),
    Invariant("backfill-adds-up", "a backfill has as many runs as it has made", _backfill_does_not_add_up),
    Invariant("trigger-overdue", "a trigger that is due fires", _trigger_overdue),
    Invariant("log-gap", "the positions of a run's log have no gap", _log_with_a_gap),
    Invariant("active-revision", "a workflow's active revision is one of its own", _active_revision_missing),
    Invariant("revision-wanted", "the newest revision is active, or the pinned one", _another_revision_than_wanted),
    Invariant("archived-and-held", "an archived workflow is neither pinned nor restored", _held_though_archived),
)
