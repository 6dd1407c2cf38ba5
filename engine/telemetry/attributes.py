"""The spans that there are, and what each says: the one table that code and docs go by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

RUN: Final = "chronoverse.run.id"
RUN_STATE: Final = "chronoverse.run.state"
REASON: Final = "chronoverse.reason"
NAMESPACE: Final = "chronoverse.namespace"
WORKFLOW: Final = "chronoverse.workflow"
REVISION: Final = "chronoverse.revision"
TRIGGER: Final = "chronoverse.trigger.kind"
TASK: Final = "chronoverse.task"
TASK_KEY: Final = "chronoverse.task.key"
TASK_KIND: Final = "chronoverse.task.kind"
TASK_STATE: Final = "chronoverse.task.state"
TASK_RUN: Final = "chronoverse.task_run.id"
ATTEMPT: Final = "chronoverse.attempt"
ATTEMPT_STATE: Final = "chronoverse.attempt.state"
POOL: Final = "chronoverse.pool"
WORKER: Final = "chronoverse.worker.id"
EXIT_CODE: Final = "process.exit.code"

MEANINGS: Final[Mapping[str, str]] = {
    RUN: "the run's id",
    RUN_STATE: "how the run ended",
    REASON: "why, where there is a reason",
    NAMESPACE: "the workflow's namespace",
    WORKFLOW: "the workflow's name",
    REVISION: "the number of the workflow's revision",
    TRIGGER: "what made the run: `manual`, `cron`, `every`, `webhook`, `workflow`, `parent`",
    TASK: "the task's name in its file",
    TASK_KEY: "which item of a fan-out it is",
    TASK_KIND: "the task's kind",
    TASK_STATE: "how the task ended",
    TASK_RUN: "the task run's id",
    ATTEMPT: "which try of the task run it is, from 1",
    ATTEMPT_STATE: "how the attempt ended",
    POOL: "the pool whose workers may take it",
    WORKER: "the worker that had it",
    EXIT_CODE: "the exit code of its process or container",
    "http.request.method": "the request's method",
    "http.route": "the path as `/schema` has it",
    "http.response.status_code": "the answer's status",
    "url.path": "the path",
    "url.scheme": "`http` or `https`",
}
"""What each attribute means."""


@dataclass(frozen=True, slots=True)
class Described:
    """A span as the docs have it: its name, what it lies under, who tells it, and its attributes."""

    name: str
    below: str
    teller: str
    attributes: tuple[str, ...]


SPANS: Final = (
    Described(
        "`POST /api/v1/…`",
        "the caller's span (`traceparent`), or nothing",
        "API",
        ("http.request.method", "http.route", "http.response.status_code", "url.path", "url.scheme"),
    ),
    Described(
        "`run NAMESPACE/WORKFLOW`",
        "the request that made it; the attempt whose child it is; nothing where a schedule, a backfill or another "
        "workflow's end made it",
        "engine",
        (RUN, NAMESPACE, WORKFLOW, REVISION, TRIGGER, RUN_STATE, REASON),
    ),
    Described("`task NAME`", "its run", "engine", (RUN, TASK_RUN, TASK, TASK_KEY, TASK_KIND, TASK_STATE, REASON)),
    Described(
        "`attempt NAME`",
        "its task",
        "worker; for one that its worker never ended, or that needs none, the engine",
        (RUN, TASK_RUN, TASK, TASK_KIND, POOL, ATTEMPT, ATTEMPT_STATE, REASON, WORKER, EXIT_CODE),
    ),
)
"""From the outermost to the innermost; a task's own spans lie under its attempt, by `TRACEPARENT`."""
