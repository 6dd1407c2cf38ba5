"""The compiled workflow: what the checks produce and what the engine runs.

Every value is a frozen msgspec struct, so a workflow encodes to JSON and back without loss (`encode`, `decode`). A
*template* is a JSON value whose strings may hold `${{ … }}`; a *condition* is bare CEL. Both are kept as text here and
compiled, once a workflow, by `dsl.expressions`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

IR_VERSION: Final = 1
DEFAULT_GRACE_SECONDS: Final = 10.0
DEFAULT_NAMESPACE: Final = "default"
ENGINE_KINDS: Final = frozenset({"wait", "set", "approval", "workflow"})
"""Kinds that the engine carries out itself: they hold no worker."""

Template = Any
"""A JSON value whose strings may hold `${{ … }}`."""


class ValueType(StrEnum):
    """Type of a declared input or output."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    ARRAY = "array"
    OBJECT = "object"


class Catchup(StrEnum):
    """What a schedule does about times that passed while nobody was looking."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


class Overlap(StrEnum):
    """What a new run does when its concurrency limit is reached."""

    QUEUE = "queue"
    SKIP = "skip"
    CANCEL_RUNNING = "cancel_running"


class Frozen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything compiled."""


class Input(Frozen, frozen=True, kw_only=True):
    """One declared input. `required`: it has no default, and something uses it."""

    type: ValueType
    description: str = ""
    required: bool = False
    default: Template = None
    enum: tuple[Any, ...] | None = None
    json_schema: dict[str, Any] | None = None


class TriggerBase(Frozen, frozen=True, kw_only=True):
    """What every trigger has. `condition` is CEL over the firing; false means no run."""

    condition: str | None = None
    inputs: dict[str, Template] = {}
    line: int = 0


class ScheduleBase(TriggerBase, frozen=True, kw_only=True):
    """A trigger that fires by the clock."""

    catchup: Catchup = Catchup.LATEST
    jitter_seconds: float = 0.0
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class CronTrigger(ScheduleBase, frozen=True, kw_only=True, tag_field="kind", tag="cron"):
    """Fires at the local times that any of `expressions` matches."""

    expressions: tuple[str, ...]
    timezone: str = "UTC"
    gap: Literal["shift", "skip"] = "shift"
    overlap: Literal["first", "last", "both"] = "first"


class EveryTrigger(ScheduleBase, frozen=True, kw_only=True, tag_field="kind", tag="every"):
    """Fires at a fixed rate, anchored at `starts_at` or the trigger's first activation."""

    every_seconds: float


class WebhookTrigger(TriggerBase, frozen=True, kw_only=True, tag_field="kind", tag="webhook"):
    """Fires on a signed HTTP request."""

    secret: str


class WorkflowTrigger(TriggerBase, frozen=True, kw_only=True, tag_field="kind", tag="workflow"):
    """Fires when a run of another workflow ends in one of `states`."""

    name: str
    states: tuple[str, ...] = ("succeeded",)


Schedule = CronTrigger | EveryTrigger
Trigger = CronTrigger | EveryTrigger | WebhookTrigger | WorkflowTrigger


class Retry(Frozen, frozen=True, kw_only=True):
    """When a failed attempt is tried again. `max_attempts` counts the first one."""

    max_attempts: int = 1
    delay_seconds: float = 0.0
    max_delay_seconds: float | None = None
    backoff: Literal["constant", "exponential"] = "constant"
    jitter: bool = False
    on: tuple[str, ...] | None = None


class FanOut(Frozen, frozen=True, kw_only=True):
    """A task that is one task run for each item: of `combinations` (a matrix, worked out) or of `for_each` (CEL).

    Without `max_parallel` all items may run at once. With `fail_fast` the first item that fails unallowed stops the
    others.
    """

    combinations: tuple[dict[str, Any], ...] | None = None
    for_each: str | None = None
    max_parallel: int | None = None
    fail_fast: bool = True


class Repeat(Frozen, frozen=True, kw_only=True):
    """A sensor: tried again every `every_seconds` until `until` (CEL over the attempt's `outputs`) holds."""

    until: str
    every_seconds: float
    max_attempts: int | None = None


class Cache(Frozen, frozen=True, kw_only=True):
    """Outputs of an earlier success with the same key are reused, for `ttl_seconds` after it (None: for good)."""

    key: Template
    ttl_seconds: float | None = None


class Notification(Frozen, frozen=True, kw_only=True):
    """Who is told of a run's end: a web address (with headers; templates) or e-mail addresses."""

    on: tuple[str, ...]
    url: Template = None
    headers: dict[str, Template] = {}
    email_to: tuple[str, ...] = ()
    line: int = 0


class Concurrency(Frozen, frozen=True, kw_only=True):
    """How many runs of the workflow (with one `key`) may be running at once."""

    limit: int = 1
    key: Template = None
    overlap: Overlap = Overlap.QUEUE


class Task(Frozen, frozen=True, kw_only=True):
    """One task of the graph.

    `spec` is the block of the kind, normalised but not evaluated:

    - `run`: `script`, `shell` (a name or an argv list with `{script}`)
    - `container`: `image`, `pull`, `user`, `workdir`, `network`, `resources {cpus, memory_bytes, pids, gpus}`,
      `read_only`, `tmpfs`, `cap_add`, `registry`, `command`, `entrypoint`, `args`; with a script inside also
      `script`, `shell`
    - `http`: `method`, `url`, `query`, `headers`, `json` | `form` | `body`, `auth`, `follow_redirects`,
      `verify_tls`, `expect {status: [int], json: CEL}`
    - `heartbeat`: `url`, `method`, `headers`, `expect {status, body, json, max_latency_seconds,
      tls_valid_for_seconds}`
    - `wait`: `seconds` or `until` (a template giving a time)
    - `set`: `values` (a map of templates)
    - `workflow`: `name` (`namespace/name`, made whole), `inputs` (a map of templates), `wait`
    - `approval`: `message` (a template), `by` (roles, sorted), `timeout_seconds`, `on_timeout` (`fail`, `approve`)
    """

    id: str
    kind: str
    spec: dict[str, Any]
    needs: tuple[str, ...] = ()
    condition: str | None = None
    env: dict[str, Template] = {}
    outputs: dict[str, ValueType] = {}
    retry: Retry = Retry()
    timeout_seconds: float | None = None
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    pool: str = "default"
    priority: Literal["normal", "high"] = "normal"
    allow_failure: bool = False
    fan_out: FanOut | None = None
    repeat: Repeat | None = None
    cache: Cache | None = None
    secrets: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    checkout: bool = False
    locks: tuple[str, ...] = ()
    slots: dict[str, int] = {}
    description: str = ""
    labels: dict[str, str] = {}
    line: int = 0


class Workflow(Frozen, frozen=True, kw_only=True):
    """One workflow as the engine runs it. `tasks` keep the order of the file; `needs` make the graph.

    The tasks of `on_failure`, `on_success` and `finally_` are graphs of their own, whose ids differ from all others.
    `secrets` are those that the workflow and its tasks may read, `slots` and `locks` what a run holds while it lasts.
    """

    name: str
    namespace: str = DEFAULT_NAMESPACE
    description: str = ""
    labels: dict[str, str] = {}
    inputs: dict[str, Input] = {}
    triggers: dict[str, Trigger] = {}
    env: dict[str, Template] = {}
    tasks: dict[str, Task]
    outputs: dict[str, Template] = {}
    on_failure: dict[str, Task] = {}
    on_success: dict[str, Task] = {}
    finally_: dict[str, Task] = msgspec.field(default_factory=dict, name="finally")
    notify: tuple[Notification, ...] = ()
    secrets: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    slots: dict[str, int] = {}
    concurrency: Concurrency | None = None
    timeout_seconds: float | None = None
    max_consecutive_failures: int | None = None
    moved_from: str | None = None
    path: str = ""
    ir_version: int = IR_VERSION

    @property
    def checks_out(self) -> bool:
        """Whether any task starts in a copy of the source tree."""
        stages = (self.tasks, self.on_failure, self.on_success, self.finally_)
        return any(task.checkout for stage in stages for task in stage.values())


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Workflow)


def encode(workflow: Workflow) -> bytes:
    """Return the workflow as canonical JSON bytes."""
    return _encoder.encode(workflow)


def decode(data: bytes | str) -> Workflow:
    """Return the workflow that `encode` wrote. Raises `msgspec.ValidationError` for anything else."""
    return _decoder.decode(data)
