"""Backfills: asked for, planned, shown, and what became of each of their times."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from msgspec import Meta, field

from api.schemas.base import Answer, Ask
from api.schemas.workflows import WorkflowName
from engine.backfilling import PARALLEL_MAX, BackfillState, Policy, Why
from engine.machine.states import RunState

if TYPE_CHECKING:  # the command line reads these types, and must not load the engine for them
    from collections.abc import Mapping

    from engine.schedule.backfill import Decision
    from engine.services.backfills import Plan, Standing
    from engine.store.reads_backfills import BackfillRow, TimeRow

Moment = Annotated[datetime, Meta(tz=True)]


class BackfillRequest(Ask, frozen=True, kw_only=True):
    """The range of nominal times, [from, to), and which of them to run.

    `trigger` is needed where the workflow has several schedules. `only`: times for which nothing ran (`missing`), those
    and the ones whose newest run did not succeed (`failed`), or every time (`all`). `parallel` is how many of its runs
    may be on their way at once. `inputs` win over those that the trigger gives. `reverse` begins with the newest time.
    """

    since: Moment = field(name="from")
    until: Moment = field(name="to")
    trigger: str | None = None
    only: Policy = Policy.MISSING
    parallel: Annotated[int, Meta(ge=1, le=PARALLEL_MAX)] = 1
    inputs: dict[str, Any] = field(default_factory=dict)
    reverse: bool = False


class BackfillCancelRequest(Ask, frozen=True, kw_only=True):
    """How to cancel. With `runs`, the runs that are on their way are cancelled too, not only those that wait."""

    runs: bool = False


class Backfill(Answer, frozen=True, kw_only=True):
    """One backfill. Of `total` nominal times `made` have a run, `skipped` have none, the rest are not yet decided.

    `runs` are its runs by state. `revision` is fixed when the backfill is made.
    """

    id: str
    workflow: WorkflowName
    revision: int
    trigger: str
    since: datetime = field(name="from")
    until: datetime = field(name="to")
    only: Policy
    parallel: int
    reverse: bool
    inputs: dict[str, Any]
    state: BackfillState
    message: str
    total: int
    made: int
    skipped: int
    runs: dict[str, int]
    created_by: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: "BackfillRow", runs: "Mapping[RunState, int] | None" = None) -> Self:
        """Return the backfill of a row with its runs by state."""
        return cls(
            id=row.id,
            workflow=WorkflowName(namespace=row.namespace, name=row.name),
            revision=row.revision,
            trigger=row.trigger,
            since=row.since,
            until=row.until,
            only=row.policy,
            parallel=row.parallel,
            reverse=row.reverse,
            inputs=dict(row.inputs),
            state=row.state,
            message=row.message,
            total=row.total,
            made=row.made,
            skipped=row.skipped,
            runs={str(state): number for state, number in sorted((runs or {}).items())},
            created_by=row.created_by,
            created_at=row.created_at,
            updated_at=row.updated_at,
            finished_at=row.finished_at,
        )

    @classmethod
    def standing(cls, found: "Standing") -> Self:
        """Return a backfill as an action left it."""
        return cls.of(found.row, found.runs)


class BackfillPage(Answer, frozen=True, kw_only=True):
    """Backfills, newest first."""

    items: list[Backfill]
    next: str | None


class PlannedTime(Answer, frozen=True, kw_only=True):
    """What a backfill would do with one nominal time, and why. `run` is the newest run that the time has."""

    fire_time: datetime
    runs: bool
    why: Why
    message: str
    run: str | None

    @classmethod
    def of(cls, decision: "Decision") -> Self:
        """Return the decision as the API shows it."""
        return cls(
            fire_time=decision.fire_time,
            runs=decision.runs,
            why=decision.why,
            message=decision.message,
            run=None if decision.newest is None else decision.newest.run_id,
        )


class BackfillPlan(Answer, frozen=True, kw_only=True):
    """What a backfill would do if it were done at once, in its order."""

    trigger: str
    revision: int
    times: list[PlannedTime]

    @classmethod
    def of(cls, plan: "Plan") -> Self:
        """Return the plan as the API shows it."""
        times = [PlannedTime.of(decision) for decision in plan.decisions]
        return cls(trigger=plan.trigger, revision=plan.revision, times=times)


class BackfillTime(Answer, frozen=True, kw_only=True):
    """What became of one nominal time: its line in the fire ledger, and how its run stands (null: there is none)."""

    fire_time: datetime
    outcome: str
    message: str
    run: str | None
    run_state: RunState | None

    @classmethod
    def of(cls, row: "TimeRow") -> Self:
        """Return the time of a row."""
        return cls(
            fire_time=row.fire_time,
            outcome=row.outcome,
            message=row.message,
            run=row.run_id,
            run_state=None if row.run_state is None else RunState(row.run_state),
        )


class BackfillTimePage(Answer, frozen=True, kw_only=True):
    """Times that are decided, in the order of the clock."""

    items: list[BackfillTime]
    next: str | None
