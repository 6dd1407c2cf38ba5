"""The broker's contract. `memory` and `rabbitmq` play it; one contract suite holds both to it.

Queues, all durable and without a delivery limit:

- `tasks.<pool>`: offers. One consumer a slot, prefetch 1; an offer stays unacknowledged while its attempt runs.
- `events.<n>`: wakes, claims, results. Single active consumer: the first consumer gets all until it goes.
- `heartbeats`, `logs`: single active consumer, as above.
- `parked`: messages nobody can read.

Besides: each connection has a reply address (nothing on disk, losses allowed), and each pool a broadcast that reaches
all connected workers of it (losses allowed).

Bounds: what is published and not confirmed is bounded in bytes by the adapter, and what goes beyond has `FAILED` at
once: publishing never blocks and never fills the memory. An inbox keeps its latest `INBOX_MESSAGES_MAX`.

Threads: every object here may be called from any thread. An adapter owns its I/O threads and never runs a caller's code
in them, but for `on_outcome` callbacks, which must not block and must not raise.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

EVENT_QUEUES: int = 16
HEARTBEATS = "heartbeats"
LOGS = "logs"
PARKED = "parked"
SYNCERS = "@syncers"
"""Whom a broadcast reaches that is for the syncing processes: no pool has such a name."""
INBOX_MESSAGES_MAX: int = 10_000
"""How many replies or broadcasts an inbox keeps for a reader that is behind; older ones are lost."""


def tasks_queue(pool: str) -> str:
    """Return the name of a pool's queue."""
    return f"tasks.{pool}"


def events_queue(n: int) -> str:
    """Return the name of the n-th events queue."""
    return f"events.{n}"


class BrokerError(Exception):
    """The broker cannot be reached or refused an operation; the message says which and what to do."""


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One message handed to a consumer. `tag` is what `ack` takes; `redelivered` is a hint only."""

    tag: int
    body: bytes
    redelivered: bool = False
    queue: str = ""


class Outcome(StrEnum):
    """What became of a tracked publication."""

    CONFIRMED = "confirmed"
    FAILED = "failed"


class Consumer(Protocol):
    """A pull view of one queue. Deliveries come in queue order; at most `prefetch` are unacknowledged."""

    def get(self, max_messages: int, timeout_seconds: float | None) -> list[Delivery]:
        """Return what is there, at most `max_messages`; wait up to `timeout_seconds` (None: for ever) for the first.

        Returns an empty list on time-out, on `wake` and when closed.
        """

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge. A delivery of a connection that is gone is ignored: it will be delivered again.

        So may one be whose acknowledgement was followed at once by `close` or `leave` while others were unacknowledged
        (RabbitMQ gives it a lower priority).
        """

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Give back: each is delivered again, to somebody."""

    def release(self, delivery: Delivery) -> None:
        """Stop consuming, then acknowledge `delivery` (a slot with a long attempt). `resume` consumes again."""

    def resume(self) -> None:
        """Consume again after `release`."""

    def wake(self) -> None:
        """Make a waiting `get` return at once."""

    def close(self) -> None:
        """Close: unacknowledged deliveries go back to the queue. Idempotent."""

    @property
    def active(self) -> bool:
        """Whether messages can arrive: connected, and consuming or standing by."""


class GroupConsumer(Consumer, Protocol):
    """A consumer over several queues. Order holds within each queue. `release` and `resume` are not for it."""

    def leave(self, queue: str) -> None:
        """Close this queue's channel: its unacknowledged deliveries go to the next consumer, in order."""

    def join(self, queue: str) -> None:
        """Consume a queue (again), behind those who do already. One that is consumed stays as it is."""

    @property
    def held(self) -> frozenset[str]:
        """Queues that this consumer has not left and from which it has had a delivery since it (re)connected."""


class Replies(Protocol):
    """An inbox at a reply address of its own. The address changes after a reconnect."""

    @property
    def address(self) -> str:
        """The address to put into a message's `reply_to`. Raises `BrokerError` while there is no connection."""

    def get(self, timeout_seconds: float | None) -> bytes | None:
        """Return the next reply, or None on time-out, on `wake` and when closed."""

    def publish(self, queue: str, body: bytes) -> None:
        """Publish to `queue` so that answers come to this inbox (direct reply-to needs the same channel)."""

    def wake(self) -> None:
        """Make a waiting `get` return at once."""

    def close(self) -> None:
        """Close the inbox. Idempotent."""


class Broadcasts(Protocol):
    """What is said to the subscribed pools (or to `SYNCERS`), and what is said to `pool="*"`."""

    def get(self, timeout_seconds: float | None) -> bytes | None:
        """Return the next broadcast, or None on time-out and when closed."""

    def close(self) -> None:
        """Close. Idempotent."""


class Broker(Protocol):
    """A connection to the broker: reconnects by itself with backoff, and says so in `connected`."""

    def declare(self, pools: Sequence[str]) -> None:
        """Create the queues of the system and of these pools where missing. Raises `BrokerError`. Idempotent."""

    def publish(
        self, queue: str, bodies: Sequence[bytes], on_outcome: Callable[[int, Outcome], None] | None = None
    ) -> None:
        """Publish persistently, in order, without waiting for confirms.

        `on_outcome(i, outcome)` is called once for each body when its confirm, return or loss of connection is known.
        It comes from the adapter's thread, or from the caller's before this returns; the caller must hold no lock that
        the callback takes. Never blocks for longer than it takes to hand over; while disconnected, when the queue does
        not exist and when too much is unconfirmed already, the outcome is `FAILED`.
        """

    def reply(self, address: str, bodies: Sequence[bytes]) -> None:
        """Send to a reply address; neither confirmed nor stored, and lost if the address is gone."""

    def broadcast(self, pool: str, body: bytes) -> None:
        """Say to all connected workers of the pool."""

    def consume(self, queue: str, prefetch: int) -> Consumer:
        """Open a consumer with a channel of its own."""

    def consume_all(self, queues: Sequence[str], prefetch: int) -> "GroupConsumer":
        """Open one consumer over several queues, a channel each, `prefetch` of each; one `get` waits for all."""

    def replies(self) -> Replies:
        """Open an inbox."""

    def broadcasts(self, pools: Sequence[str]) -> Broadcasts:
        """Open a subscription."""

    def depth(self, queue: str) -> int:
        """Return how many messages are ready in the queue, creating it where missing. Raises `BrokerError`."""

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""

    def close(self) -> None:
        """Close everything. Idempotent."""
