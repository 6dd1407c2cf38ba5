"""What the end of a run brings with it, worked out before the commit: expressions are evaluated here, not inside it."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from dsl.expressions import ExpressionError, Field
from engine.clock import NewId, new_id
from engine.machine.changes import Changes
from engine.machine.context import run_lookup
from engine.machine.creation import new_run
from engine.machine.model import Run
from engine.machine.notices import notices, told_of
from engine.machine.states import RunState
from engine.services.revision_cache import RevisionCache
from engine.store.database import Database
from engine.store.endings import Ending, Heard, Listener, Notice, listeners, paused, recent_states
from engine.store.triggers import FiringOutcome

log = logging.getLogger(__name__)

WORKFLOW: Final = "workflow"
"""What `trigger.kind` says in a run that another one's end made."""

DEPTH_MAX: Final = 10
"""How many runs may have brought each other forth: a circle of workflows ends here."""


class Endings:
    """Prepares the endings of a batch. For one thread."""

    def __init__(self, database: Database, ids: NewId = new_id) -> None:
        self._database = database
        self._revisions = RevisionCache(database)
        self._ids = ids

    def prepare(self, batch: Sequence[Changes], now: datetime) -> dict[str, Ending]:
        """Return what the ended runs of a batch bring with them, by run; nothing for those that bring nothing."""
        ended = [changes.run for changes in batch if changes.ended]
        if not ended:
            return {}
        endings = {run.id: Ending(run) for run in ended}
        with self._database.read() as connection:
            listening = listeners(connection, {_name(run) for run in ended})
            wanted = {run.workflow_id: _looked_back(run) for run in ended}
            recent = {of: recent_states(connection, of, number) for of, number in wanted.items() if number}
            limited = {run.workflow_id for run in ended if run.workflow.max_consecutive_failures is not None}
            resting = paused(connection, limited) if limited else set()
        for run in sorted(ended, key=lambda run: run.id):
            before = recent.setdefault(run.workflow_id, [])
            self._note(endings[run.id], before, now, resting=run.workflow_id in resting)
            if endings[run.id].pause:
                resting.add(run.workflow_id)
        for run in ended:
            endings[run.id].heard = list(self._hear(run, listening, now))
        return {of: found for of, found in endings.items() if found.heard or found.notices or found.pause}

    def _note(self, ending: Ending, before: list[str], now: datetime, *, resting: bool) -> None:
        """Work out the notices and the pause; `before` are the earlier ends, newest first, and gets this one.

        What rests already (`resting`) is not put to rest again.
        """
        run = ending.run
        events, ending.pause = told_of(run, before, resting=resting)
        if run.backfill_id is None and run.state in {RunState.SUCCEEDED, RunState.FAILED}:
            before.insert(0, str(run.state))
        for position, event in notices(run.workflow, events):
            ending.notices.append(Notice(run, position, event, payload_of(run, event, ending.pause, now)))

    def _hear(self, run: Run, listening: Iterable[Listener], now: datetime) -> Iterable[Heard]:
        for listener in listening:
            if listener.spec.name == _name(run) and str(run.state) in listener.spec.states:
                yield self._heard(run, listener, now)

    def _heard(self, upstream: Run, listener: Listener, now: datetime) -> Heard:
        depth = int(upstream.trigger.get("depth", 0)) + 1
        if depth > DEPTH_MAX:
            message = f"more than {DEPTH_MAX} runs have brought each other forth"
            return Heard(listener, upstream, FiringOutcome.SKIPPED, message)
        try:
            revision = self._revisions.get(listener.revision_id)
            run = new_run(
                run_id=self._ids(),
                graph=revision.graph,
                workflow_id=listener.workflow_id,
                revision_id=listener.revision_id,
                revision=revision.number,
                trigger=_trigger(upstream, listener, depth, now),
                trigger_name=listener.name,
                inputs={},
                now=now,
                commit=revision.commit,
            )
            condition = listener.spec.condition
            if condition is not None and not revision.graph.evaluator.condition(
                Field.TRIGGER_IF, condition, run_lookup(run)
            ):
                return Heard(listener, upstream, FiringOutcome.SKIPPED, f"its condition is false: {condition}")
        except ExpressionError as error:
            return Heard(listener, upstream, FiringOutcome.FAILED, f"its condition cannot be worked out: {error}")
        except Exception as error:  # one listener that cannot be worked out must not hold up the run that it hears of
            log.exception("trigger %s of workflow %s heard nothing", listener.name, listener.workflow_id)
            return Heard(listener, upstream, FiringOutcome.FAILED, f"it could not be worked out: {error}")
        outcome = FiringOutcome.FAILED if run.fault else FiringOutcome.RUN
        return Heard(listener, upstream, outcome, run.fault, run)


def payload_of(run: Run, event: str, why: str, now: datetime) -> dict[str, Any]:
    """Return what is told of a run: the document that a webhook gets."""
    return {
        "event": event,
        "at": now.isoformat(),
        "workflow": {"namespace": run.workflow.namespace, "name": run.workflow.name, "revision": run.revision},
        "run": {
            "id": run.id,
            "state": str(run.state),
            "reason": None if run.reason is None else str(run.reason),
            "message": run.message,
            "labels": run.labels,
            "inputs": run.inputs,
            "created_at": run.created_at.isoformat(),
            "started_at": None if run.started_at is None else run.started_at.isoformat(),
            "finished_at": None if run.finished_at is None else run.finished_at.isoformat(),
        },
        "trigger": run.trigger,
        "message": why or run.message,
    }


def _looked_back(run: Run) -> int:
    """Return how many earlier ends are to be known."""
    told = any("recovered" in notification.on for notification in run.workflow.notify)
    return max((run.workflow.max_consecutive_failures or 1) - 1, 1 if told else 0)


def _name(run: Run) -> str:
    return f"{run.workflow.namespace}/{run.workflow.name}"


def _trigger(upstream: Run, listener: Listener, depth: int, now: datetime) -> dict[str, Any]:
    """Return what the new run's expressions see as `trigger`."""
    run = {
        "id": upstream.id,
        "state": str(upstream.state),
        "inputs": upstream.inputs,
        "outputs": upstream.outputs or {},
        "labels": upstream.labels,
        "workflow": {"namespace": upstream.workflow.namespace, "name": upstream.workflow.name},
    }
    return {"kind": WORKFLOW, "name": listener.name, "fired_at": now.isoformat(), "depth": depth, "run": run}
