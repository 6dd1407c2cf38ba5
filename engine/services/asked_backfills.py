"""What a backfill is asked for with, and what that names: a schedule of a workflow, and its times in a range."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dsl.model import Schedule
from dsl.suggest import did_you_mean
from engine.backfilling import Policy
from engine.machine.creation import check_inputs
from engine.schedule.backfill import past_times
from engine.services.refusals import ConflictError, InvalidInputsError, InvalidRangeError, UnknownError
from engine.services.revision_cache import ReadyRevision
from engine.store.reads_workflows import TriggerRow, WorkflowRow

TIMES_MAX: Final = 10_000
"""Nominal times of one backfill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A backfill as it is asked for: the range [since, until) of a trigger; without a name, of the only schedule."""

    since: datetime
    until: datetime
    trigger: str | None = None
    policy: Policy = Policy.MISSING
    parallel: int = 1
    reverse: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request names: the workflow, its revision and trigger, and the nominal times in the order of the clock."""

    workflow: WorkflowRow
    revision: ReadyRevision
    trigger: TriggerRow
    times: tuple[datetime, ...]


def asked(
    workflow: WorkflowRow, revision: ReadyRevision, triggers: list[TriggerRow], wanted: Wanted, now: datetime
) -> Asked:
    """Return what a request names. Raises as `Backfills.create` does, but for what is there already."""
    given = check_inputs(revision.graph, wanted.inputs)
    if faults := [fault for fault in given if fault.name in wanted.inputs]:  # the trigger gives the others
        raise InvalidInputsError(f"the inputs do not fit {workflow.namespace}/{workflow.name}", faults)
    trigger = _chosen(workflow, revision, triggers, wanted.trigger)
    _check_range(wanted, now)
    return Asked(workflow, revision, trigger, _times(revision, trigger, wanted))


def schedule_of(revision: ReadyRevision, trigger: str) -> Schedule:
    """Return a schedule of a revision, by its name."""
    found = revision.graph.workflow.triggers[trigger]
    assert isinstance(found, Schedule), "only schedules are backfilled"
    return found


def _times(revision: ReadyRevision, trigger: TriggerRow, wanted: Wanted) -> tuple[datetime, ...]:
    schedule = schedule_of(revision, trigger.name)
    times = past_times(schedule, wanted.since, wanted.until, TIMES_MAX + 1, trigger.anchor_at)
    shown = f"from {_text(wanted.since)} until before {_text(wanted.until)}"
    if len(times) > TIMES_MAX:
        raise InvalidRangeError(
            f"trigger '{trigger.name}' has more than {TIMES_MAX} times {shown}\n"
            f"  hint: a backfill holds {TIMES_MAX}; the first so many end before {_text(times[-1])}: make several"
        )
    if not times:
        raise InvalidRangeError(
            f"trigger '{trigger.name}' has no times {shown}\n"
            "  hint: `chronoverse simulate` shows when it fires; its starts_at and ends_at count here too"
        )
    return times


def _chosen(workflow: WorkflowRow, revision: ReadyRevision, rows: list[TriggerRow], wanted: str | None) -> TriggerRow:
    """Return the schedule that is meant."""
    name = f"{workflow.namespace}/{workflow.name}"
    declared = revision.graph.workflow.triggers
    schedules = {row.name: row for row in rows if isinstance(declared.get(row.name), Schedule)}
    if wanted is not None and wanted not in schedules:
        if wanted in declared:
            raise ConflictError(f"trigger '{wanted}' of {name} has no times\n  hint: cron and every have")
        hint = did_you_mean(wanted, schedules, f"its schedules are: {', '.join(schedules) or 'none'}")
        raise UnknownError(f"{name} has no trigger '{wanted}'\n  hint: {hint}")
    if wanted is None and len(schedules) != 1:
        raise ConflictError(_which(name, list(schedules)))
    return schedules[wanted] if wanted is not None else next(iter(schedules.values()))


def _which(name: str, schedules: list[str]) -> str:
    if not schedules:
        return f"{name} has no schedule\n  hint: a backfill needs a trigger with cron or every"
    return f"{name} has several schedules: {', '.join(schedules)}\n  hint: say which with `trigger` (--trigger)"


def _check_range(wanted: Wanted, now: datetime) -> None:
    if wanted.since >= wanted.until:
        raise InvalidRangeError(
            f"the range from {_text(wanted.since)} until before {_text(wanted.until)} is empty\n"
            "  hint: it ends later than it begins; the end is the first moment that is left out"
        )
    if wanted.until > now:
        raise InvalidRangeError(
            f"the range ends at {_text(wanted.until)}, and now is {_text(now)}\n"
            "  hint: what is to come is the schedule's own; end the range at a moment that has passed"
        )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
