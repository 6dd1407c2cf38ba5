"""What crosses the broker. Messages are wake-ups; only log lines and results carry content.

Every message is JSON with a version `v`. Unknown fields are ignored; an unknown `v` is requeued and reported; what is
longer than the store can hold is unreadable. Times are aware datetimes in UTC. An attempt is named `<task_run_id>:<n>`,
a task run `<run_id>-<ordinal>`.
"""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

VERSION: Final = 1
OUTPUTS_BYTES_MAX: Final = 64 * 1024
LOG_BATCH_BYTES_MAX: Final = 64 * 1024
ARTIFACTS_MAX: Final = 1000
"""How many files one attempt may leave."""
CLAIMS_HELD_MAX: Final = 10_000
"""How many attempts one heartbeat may list: more than any worker has slots and unsettled results."""

_TEXT: Final = r"^[^\x00]*$"
"""PostgreSQL holds no U+0000."""

Id = Annotated[str, msgspec.Meta(max_length=36, pattern=_TEXT)]
AttemptName = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=_TEXT)]
WorkerName = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_TEXT)]
HostName = Annotated[str, msgspec.Meta(max_length=200, pattern=_TEXT)]
PoolName = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=_TEXT)]
KindName = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=_TEXT)]
Address = Annotated[str, msgspec.Meta(max_length=1000, pattern=_TEXT)]
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]
_INSIDE: Final = r"(?s)^(?!/)(?!(.*/)?\.{1,2}(/|$))(?!.*//)[^\x00]*[^\x00/]$"
FileName = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=_INSIDE)]
"""A path that stays within its directory, with slashes."""
ByteCount = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of every message."""

    v: int = VERSION


# To the executor, on `events.<n>`.


class Wake(Message, frozen=True, kw_only=True, tag="wake"):
    """Something was inserted for this run: read its signals."""

    run_id: str


class Claim(Message, frozen=True, kw_only=True, tag="claim"):
    """A worker's slot asks for the right to carry out an attempt. `resume` names a claim it already held."""

    attempt: AttemptName
    claim_id: Id
    session: Id
    worker: WorkerName
    reply_to: Address
    resume: bool = False


class KeptFile(msgspec.Struct, frozen=True):
    """A file that an attempt left, and that is in the store of artifacts."""

    name: FileName
    size: ByteCount
    sha256: Sha256


class Finished(Message, frozen=True, kw_only=True, tag="finished"):
    """An attempt ended. Sent again until `Settled` comes back."""

    attempt: AttemptName
    claim_id: Id
    session: Id
    reply_to: Address
    state: str
    reason: str | None = None
    message: str = ""
    exit_code: int | None = None
    outputs: dict[str, Any] = {}
    log_batches: Count = 0
    artifacts: Annotated[list[KeptFile], msgspec.Meta(max_length=ARTIFACTS_MAX)] = []
    started_at: datetime
    finished_at: datetime


# To a worker, on `tasks.<pool>`, its reply address, or its pool's broadcast.


class Offer(Message, frozen=True, kw_only=True, tag="offer"):
    """An attempt waits to be claimed."""

    attempt: str
    kind: str = ""


class HandedFile(msgspec.Struct, frozen=True):
    """A file that an attempt is handed: where it is to lie, and what it is in the store of artifacts."""

    path: FileName
    run_id: Id
    size: ByteCount
    sha256: Sha256


class Grant(Message, frozen=True, kw_only=True, tag="grant"):
    """The attempt is yours: everything needed to carry it out. Never stored by the broker.

    `masks` are the values of the secrets in it: no log line, message or output may show one. `artifacts` are the
    patterns of the files to keep, `handed` the files of earlier tasks, `checkout` names the archive of the source tree
    that the attempt starts in a copy of, by its SHA-256. `trace` is the attempt's trace context: where the worker's
    span of it belongs, and what the task is handed.
    """

    attempt: str
    claim_id: str
    kind: str
    spec: dict[str, Any]
    env: dict[str, str]
    outputs: dict[str, str] = {}
    timeout_seconds: float | None = None
    grace_seconds: float
    fenced: bool = False
    masks: list[str] = []
    artifacts: list[str] = []
    handed: list[HandedFile] = []
    checkout: str | None = None
    trace: dict[str, str] = {}


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """The attempt is not yours: `held`, `ended` or `unknown`. Drop it and acknowledge the offer."""

    attempt: str
    claim_id: str
    reason: str


class Settled(Message, frozen=True, kw_only=True, tag="settled"):
    """The result is in the database (or was stale): forget it."""

    attempt: str
    claim_id: str


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    """Stop this attempt: TERM, then KILL after its grace (at once when `force`)."""

    attempt: str
    claim_id: str
    reason: str
    force: bool = False


class Prepare(Message, frozen=True, kw_only=True, tag="prepare"):
    """Pull these images ahead of time. Answered per image by `Prepared`."""

    namespace: str
    workflow: str
    revision_id: str
    images: list[str]


# To the lease keeper, on `heartbeats`.


class HeldAttempt(msgspec.Struct, frozen=True):
    """One attempt in a heartbeat's list."""

    attempt: AttemptName
    claim_id: Id


class Heartbeat(Message, frozen=True, kw_only=True, tag="heartbeat"):
    """A session is alive and holds these attempts (running, being claimed, or finished and unsettled)."""

    session: Id
    worker: WorkerName
    reply_to: Address
    host: HostName = ""
    pools: Annotated[list[PoolName], msgspec.Meta(max_length=100)]
    kinds: Annotated[list[KindName], msgspec.Meta(max_length=200)]
    slots: Count
    sequence: Count
    held: Annotated[list[HeldAttempt], msgspec.Meta(max_length=CLAIMS_HELD_MAX)] = []
    reattached: Annotated[list[HeldAttempt], msgspec.Meta(max_length=CLAIMS_HELD_MAX)] = []
    draining: bool = False


class HeartbeatAnswer(Message, frozen=True, kw_only=True, tag="heartbeat_answer"):
    """The lease holds `ttl_seconds` from the sending of `sequence`. Stop what is named; `refused` ends the worker."""

    session: str
    sequence: int
    ttl_seconds: float
    stop: list[HeldAttempt] = []
    refused: str = ""


class Goodbye(Message, frozen=True, kw_only=True, tag="goodbye"):
    """A session ends on purpose, holding nothing."""

    session: Id


class Canary(Message, frozen=True, kw_only=True, tag="canary"):
    """The lease keeper's proof that its own queue moves."""

    keeper: str
    sequence: int


class Prepared(Message, frozen=True, kw_only=True, tag="prepared"):
    """What became of a `Prepare` on one worker."""

    worker: str
    revision_id: str
    image: str
    error: str = ""


# To the syncers, by broadcast.


class SyncNow(Message, frozen=True, kw_only=True, tag="sync_now"):
    """Look at this source now. Losing it costs the time to the next look.

    With `reply_to`, whoever syncs the source says that it looks, and then that it has looked.
    """

    source: str
    request: Id = ""
    reply_to: Address = ""


class PlanRef(Message, frozen=True, kw_only=True, tag="plan_ref"):
    """Plan what `ref` of this source would do (empty: the newest of what it follows). Answered as `SyncNow` is."""

    source: str
    ref: Annotated[str, msgspec.Meta(max_length=250)]
    request: Id
    reply_to: Address


# To an API, by its reply address.


class SyncerAnswer(Message, frozen=True, kw_only=True, tag="syncer_answer"):
    """A request is `taken`, or else done: `plan` is as `engine.services.packed_plans` has it; `reason` says why not."""

    request: Id
    taken: bool = False
    plan: bytes = b""
    reason: str = ""
    message: str = ""


# To the log writer, on `logs`.


class LogBatch(Message, frozen=True, kw_only=True, tag="log_batch"):
    """Consecutive log lines of one attempt. `lines` is zstd-compressed JSON lines, see `engine.broker.logs`."""

    attempt: AttemptName
    claim_id: Id
    session: Id
    reply_to: Address
    batch_no: Count
    line_count: Count
    lines: bytes


class LogConfirmed(Message, frozen=True, kw_only=True, tag="log_confirmed"):
    """The batch is in the database: the worker may drop it from its spool."""

    attempt: str
    claim_id: str
    batch_no: int


AnyMessage = (
    Wake
    | Claim
    | Finished
    | Offer
    | Grant
    | Refused
    | Settled
    | Stop
    | Prepare
    | Heartbeat
    | HeartbeatAnswer
    | Goodbye
    | Canary
    | Prepared
    | SyncNow
    | PlanRef
    | SyncerAnswer
    | LogBatch
    | LogConfirmed
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyMessage)


class UnreadableMessageError(ValueError):
    """A message is not JSON of a known type. It is parked."""


class UnknownVersionError(ValueError):
    """A message's `v` is not known here. It is requeued and reported, never parked."""


def encode(message: AnyMessage) -> bytes:
    """Return the message as it goes over the wire."""
    return _encoder.encode(message)


class _Header(msgspec.Struct):
    v: int = VERSION


_header = msgspec.json.Decoder(_Header)


def decode(body: bytes) -> AnyMessage:
    """Return the message in `body`.

    Raises `UnknownVersionError` for a version that is not ours, `UnreadableMessageError` for anything else wrong.
    """
    try:
        message: AnyMessage = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise _reason(body, error) from error
    if message.v != VERSION:
        raise UnknownVersionError(f"message version {message.v} is not {VERSION}")
    return message


def _reason(body: bytes, error: Exception) -> ValueError:
    try:
        version = _header.decode(body).v
    except msgspec.DecodeError:
        version = VERSION
    if version != VERSION:
        return UnknownVersionError(f"message version {version} is not {VERSION}")
    return UnreadableMessageError(f"unreadable message: {error}")
