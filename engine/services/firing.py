"""What a due trigger does: its nominal times, what becomes of each, and the runs they make. No transaction here."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from msgspec import structs

from dsl.expressions import ExpressionError, Field
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
        run = self._run(trigger, revision, settled.nominal, now)
        try:
            wanted = _wanted(trigger, revision, run)
        except ExpressionError as error:
            run.fault = f"triggers.{trigger.name}.if: {error}"
            return Firing(settled.nominal, FiringOutcome.FAILED, run.fault, run)
        if not wanted:
            return Firing(settled.nominal, FiringOutcome.SKIPPED, "its condition is false")
        if run.fault:
            return Firing(settled.nominal, FiringOutcome.FAILED, run.fault, run)
        return Firing(settled.nominal, outcome, settled.message, run)

    def _run(self, trigger: ScheduledTrigger, revision: ReadyRevision, fire_time: datetime, now: datetime) -> Run:
        return new_run(
            run_id=self._ids(),
            graph=revision.graph,
            workflow_id=trigger.workflow_id,
            revision_id=revision.id,
            revision=revision.number,
            trigger={
                "kind": trigger.kind,
                "name": trigger.name,
                "scheduled_at": fire_time.isoformat(),
                "fired_at": now.isoformat(),
            },
            inputs={},
            now=now,
            trigger_name=trigger.name,
            commit=revision.commit,
        )


def _wanted(trigger: ScheduledTrigger, revision: ReadyRevision, run: Run) -> bool:
    condition = trigger.schedule.condition
    return condition is None or revision.graph.evaluator.condition(Field.TRIGGER_IF, condition, run_lookup(run))
