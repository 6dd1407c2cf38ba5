"""Many runs at once: which, and what became of each."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from api.schemas.base import Answer, Ask
from api.schemas.workflows import AwareMoment, WorkflowName
from engine.machine.states import RunState

BATCH_MAX = 200

RunId = Annotated[str, Meta(max_length=100)]
Workflow = Annotated[str, Meta(pattern="^[^/]+/[^/]+$", description="`namespace/name`")]
Label = Annotated[str, Meta(pattern="^[^:]+:", description="`key:value`")]


class RunsWanted(Ask, frozen=True, kw_only=True):
    """Runs as the list of runs takes them: all that is given must match."""

    workflow: Workflow | None = None
    state: list[RunState] = field(default_factory=list)
    label: list[Label] = field(default_factory=list)
    since: AwareMoment | None = None
    until: AwareMoment | None = None
    trigger: str | None = None
    backfill: RunId | None = None


class BatchRequest(Ask, frozen=True, kw_only=True):
    """Which runs: either `ids`, or those `where` something matches, newest first, `limit` at once from `cursor` on.

    With `dry_run` nothing is done.
    """

    ids: Annotated[list[RunId], Meta(min_length=1, max_length=BATCH_MAX)] | None = None
    where: RunsWanted | None = None
    limit: Annotated[int, Meta(ge=1, le=BATCH_MAX)] = BATCH_MAX
    cursor: RunId | None = None
    dry_run: bool = False


class CancelRunsRequest(BatchRequest, frozen=True, kw_only=True):
    """Which runs to cancel. `force` stops what an earlier cancel spared, without grace."""

    force: bool = False


class BatchOutcome(StrEnum):
    """What became of one run of a batch."""

    DONE = "done"
    PLANNED = "planned"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class BatchItem(Answer, frozen=True, kw_only=True):
    """One run of a batch. `planned` is the outcome of a dry run, `message` says why it is refused.

    `made` is the new run of a retry.
    """

    id: str
    workflow: WorkflowName | None
    outcome: BatchOutcome
    message: str = ""
    made: str | None = None


class BatchPage(Answer, frozen=True, kw_only=True):
    """What became of each run, and the `cursor` with which to ask for the rest of those that match."""

    items: list[BatchItem]
    next: str | None
