"""What a due trigger does: its nominal times, what becomes of each, and the runs they make. No transaction here."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from msgspec import structs

from dsl.expressions import ExpressionError, Field
from dsl.model import Schedule
from engine.clock import NewId
from engine.machine.context import run_lookup
from engine.machine.creation import new_run
from engine.machine.model import Run
from engine.schedule.catchup import Settled
from engine.schedule.catchup import due as settle_due
from engine.services.revision_cache import ReadyRevision, RevisionCache
from engine.store.connection import Connection
from engine.store.triggers import Fired, Firing, FiringOutcome, ScheduledTrigger, record

log = logging.getLogger(__name__)


class Firings:
    """Prepares firings. May be called from any thread."""

    def __init__(self, revisions: RevisionCache, ids: NewId) -> None:
        self._revisions = revisions
        self._ids = ids

    def prepare(self, due: Sequence[ScheduledTrigger], now: datetime) -> list[Fired]:
        """Return what each trigger does at `now`."""
        revisions = self._revisions.many({trigger.revision_id for trigger in due})
        return [self._fired_or_failed(trigger, revisions.get(trigger.revision_id), now) for trigger in due]

    def settle(self, connection: Connection, due: Sequence[ScheduledTrigger], now: datetime) -> list[Run]:
        """Fire in the caller's transaction.

        Expressions are evaluated inside it: this is for the few triggers that are due in the very moment that a sync
        changes them, and must fire as they were. A nominal time that has come does not wait for its jitter.
        """
        at_once = [replace(trigger, schedule=structs.replace(trigger.schedule, jitter_seconds=0.0)) for trigger in due]
        fired = [replace(item, trigger=trigger) for item, trigger in zip(self.prepare(at_once, now), due, strict=True)]
        return record(connection, fired, now).runs

    def _fired_or_failed(self, trigger: ScheduledTrigger, revision: ReadyRevision | None, now: datetime) -> Fired:
        try:
            if revision is None:
                raise ValueError(f"its revision {trigger.revision_id} cannot be run by this program")
            return self._fired(trigger, revision, now)
        except Exception as error:  # one trigger that cannot be worked out must not hold up all others
            log.exception("trigger %s of workflow %s is at rest", trigger.name, trigger.workflow_id)
            message = f"it could not be worked out, and is at rest until its schedule changes: {error}"
            return Fired(trigger, (Firing(trigger.next_fire_time, FiringOutcome.FAILED, message),), None, None)

    def _fired(self, trigger: ScheduledTrigger, revision: ReadyRevision, now: datetime) -> Fired:
        found = settle_due(trigger.schedule, trigger.next_fire_time, now, trigger.anchor_at, trigger.jitter_key)
        firings = tuple(self._firing(trigger, revision, settled, now) for settled in found.settled)
        return Fired(trigger, firings, found.next_fire_time, found.next_at)

    def _firing(self, trigger: ScheduledTrigger, revision: ReadyRevision, settled: Settled, now: datetime) -> Firing:
        outcome = FiringOutcome(settled.verdict.value)
        if not settled.fires:
            return Firing(settled.nominal, outcome, settled.message)
        occasion = Occasion(trigger.workflow_id, trigger.name, trigger.schedule, settled.nominal)
        made = fire(occasion, revision, self._ids(), now)
        return replace(made, outcome=outcome, message=settled.message) if made.outcome is FiringOutcome.RUN else made


@dataclass(frozen=True, slots=True)
class Occasion:
    """One nominal time of a schedule that is to be run: by the schedule itself, or by a backfill with its inputs."""

    workflow_id: str
    trigger: str
    schedule: Schedule
    nominal: datetime
    inputs: Mapping[str, Any] = field(default_factory=dict)
    backfill_id: str | None = None


def fire(occasion: Occasion, revision: ReadyRevision, run_id: str, now: datetime) -> Firing:
    """Return the run of a nominal time, or why there is none. The run sees the same whoever makes it, and when."""
    run = _run(occasion, revision, run_id, now)
    try:
        wanted = _wanted(occasion.schedule, revision, run)
    except ExpressionError as error:
        run.fault = f"triggers.{occasion.trigger}.if: {error}"
        return Firing(occasion.nominal, FiringOutcome.FAILED, run.fault, run)
    if not wanted:
        return Firing(occasion.nominal, FiringOutcome.SKIPPED, "its condition is false")
    if run.fault:
        return Firing(occasion.nominal, FiringOutcome.FAILED, run.fault, run)
    return Firing(occasion.nominal, FiringOutcome.RUN, "", run)


def _run(occasion: Occasion, revision: ReadyRevision, run_id: str, now: datetime) -> Run:
    return new_run(
        run_id=run_id,
        graph=revision.graph,
        workflow_id=occasion.workflow_id,
        revision_id=revision.id,
        revision=revision.number,
        trigger={
            "kind": str(type(occasion.schedule).__struct_config__.tag),
            "name": occasion.trigger,
            "scheduled_at": occasion.nominal.isoformat(),
            "fired_at": now.isoformat(),
        },
        inputs=occasion.inputs,
        now=now,
        trigger_name=occasion.trigger,
        backfill_id=occasion.backfill_id,
        commit=revision.commit,
    )


def _wanted(schedule: Schedule, revision: ReadyRevision, run: Run) -> bool:
    condition = schedule.condition
    return condition is None or revision.graph.evaluator.condition(Field.TRIGGER_IF, condition, run_lookup(run))
