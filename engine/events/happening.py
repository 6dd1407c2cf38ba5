"""The kinds of events, and what one says. These are told to people and programs; the machine's inputs are others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class EventKind(StrEnum):
    """What can happen. A name says what it is of, and what became of that."""

    RUN_CREATED = "run.created"
    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"
    TASK_FINISHED = "task.finished"
    SOURCE_FETCHED = "source.fetched"
    SOURCE_UNREACHABLE = "source.unreachable"
    SOURCE_REJECTED = "source.rejected"
    SOURCE_APPLIED = "source.applied"
    SOURCE_SUSPENDED = "source.suspended"
    SOURCE_RESUMED = "source.resumed"
    COMMIT_SETTLED = "commit.settled"
    WORKFLOW_PAUSED = "workflow.paused"
    WORKFLOW_RESUMED = "workflow.resumed"
    WORKFLOW_PINNED = "workflow.pinned"
    WORKFLOW_UNPINNED = "workflow.unpinned"
    WORKFLOW_RESTORED = "workflow.restored"
    WORKFLOW_ARCHIVED = "workflow.archived"
    WORKER_JOINED = "worker.joined"
    WORKER_LEFT = "worker.left"
    WORKER_LOST = "worker.lost"


SENTENCES: Final[Mapping[EventKind, str]] = {
    EventKind.RUN_CREATED: "a run was created and is queued; `data` has its trigger's kind",
    EventKind.RUN_STARTED: "a run's first task may begin",
    EventKind.RUN_FINISHED: "a run has ended; `data` has its state, reason, message and seconds",
    EventKind.TASK_FINISHED: "a task of a run has ended (a fan-out as a whole, not each of its items)",
    EventKind.SOURCE_FETCHED: "a source holds another version than at the last look",
    EventKind.SOURCE_UNREACHABLE: "a source could not be read, for the first time or for another reason than before",
    EventKind.SOURCE_REJECTED: "what a source holds is not made live",
    EventKind.SOURCE_APPLIED: "a version of a source is live",
    EventKind.SOURCE_SUSPENDED: "somebody let a source rest",
    EventKind.SOURCE_RESUMED: "a suspended source goes on",
    EventKind.COMMIT_SETTLED: "it is decided what became of a commit; `data` has the outcome",
    EventKind.WORKFLOW_PAUSED: "a workflow's triggers rest",
    EventKind.WORKFLOW_RESUMED: "a workflow's triggers fire again",
    EventKind.WORKFLOW_PINNED: "a workflow is held at a revision",
    EventKind.WORKFLOW_UNPINNED: "a workflow is held no more",
    EventKind.WORKFLOW_RESTORED: "an archived workflow is back without its file",
    EventKind.WORKFLOW_ARCHIVED: "a workflow's file is gone; its history stays",
    EventKind.WORKER_JOINED: "a worker has a new session",
    EventKind.WORKER_LEFT: "a worker said that it ends",
    EventKind.WORKER_LOST: "a worker was not heard of until its lease ran out",
}
"""What each kind says, for the documentation."""


CHOICES: Final = (*sorted({f"{kind.partition('.')[0]}.*" for kind in EventKind}), *EventKind)
"""What can be asked for: every kind, and what kinds begin with."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event, as it is entered. What it is not about stays empty. `data` are JSON values."""

    kind: EventKind
    at: datetime
    namespace: str = ""
    workflow: str = ""
    run_id: str = ""
    source: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
