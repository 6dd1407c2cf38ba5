"""The broker's contract in memory, for everything that runs in one process.

What is lost with the process is found again by the sweeps at the next start. A queue holds at most `QUEUE_BYTES_MAX`;
what goes beyond has failed, as with a RabbitMQ that is out of memory: publishing never waits for whoever should read.
"""

import threading
from collections.abc import Callable, Sequence
from itertools import count

from engine.broker.interface import Outcome
from engine.broker.memory.consumer import MemoryConsumer
from engine.broker.memory.inboxes import MemoryBroadcasts, MemoryReplies
from engine.broker.memory.queues import Queue

_ANY_POOL = "*"


class MemoryBroker:
    """All queues of one process, under one lock that is never held for longer than it takes to move messages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, Queue] = {}
        self._consumers: list[MemoryConsumer] = []
        self._replies: dict[str, MemoryReplies] = {}
        self._broadcasts: list[MemoryBroadcasts] = []
        self._tags = count(1)
        self._addresses = count(1)
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return not self._closed

    def declare(self, pools: Sequence[str]) -> None:
        """Nothing to create: a queue is there from its first use."""

    def publish(
        self, queue: str, bodies: Sequence[bytes], on_outcome: Callable[[int, Outcome], None] | None = None
    ) -> None:
        """Append to the queue, all or none; the outcome is known at once."""
        with self._lock:
            target = self._queue(queue)
            accepted = not self._closed and target.append(bodies)
            if accepted:
                target.deal()
        if on_outcome is not None:
            for index in range(len(bodies)):
                on_outcome(index, Outcome.CONFIRMED if accepted else Outcome.FAILED)

    def reply(self, address: str, bodies: Sequence[bytes]) -> None:
        """Put into the inbox at that address; lost if it is gone."""
        with self._lock:
            inbox = self._replies.get(address)
            if inbox is not None and not inbox.put(bodies):
                del self._replies[address]

    def broadcast(self, pool: str, body: bytes) -> None:
        """Say to everybody who listens to the pool."""
        with self._lock:
            self._broadcasts = [one for one in self._broadcasts if not _listens(one, pool) or one.put([body])]

    def consume(self, queue: str, prefetch: int) -> MemoryConsumer:
        """Open a consumer."""
        return self.consume_all([queue], prefetch)

    def consume_all(self, queues: Sequence[str], prefetch: int) -> MemoryConsumer:
        """Open one consumer over several queues."""
        with self._lock:
            joined = [self._queue(name) for name in queues]
            consumer = MemoryConsumer(self._lock, joined, prefetch, self._tags, self._queue)
            self._consumers = [one for one in self._consumers if one.active] + [consumer]
            closed = self._closed
        if closed:
            consumer.close()
        return consumer

    def replies(self) -> MemoryReplies:
        """Open an inbox."""
        with self._lock:
            inbox = MemoryReplies(self._lock, f"reply.{next(self._addresses)}", self.publish)
            self._replies = {address: one for address, one in self._replies.items() if one.open}
            self._replies[inbox.address] = inbox
            closed = self._closed
        if closed:
            inbox.close()
        return inbox

    def broadcasts(self, pools: Sequence[str]) -> MemoryBroadcasts:
        """Open a subscription."""
        with self._lock:
            listener = MemoryBroadcasts(self._lock, frozenset(pools))
            self._broadcasts = [one for one in self._broadcasts if one.open] + [listener]
            closed = self._closed
        if closed:
            listener.close()
        return listener

    def depth(self, queue: str) -> int:
        """Return how many messages are ready."""
        with self._lock:
            return len(self._queue(queue).ready)

    def close(self) -> None:
        """Close everything that is open. Idempotent."""
        with self._lock:
            self._closed = True
            open_ones: list[MemoryConsumer | MemoryReplies | MemoryBroadcasts]
            open_ones = [*self._consumers, *self._replies.values(), *self._broadcasts]
            self._consumers, self._replies, self._broadcasts = [], {}, []
        for one in open_ones:
            one.close()

    def _queue(self, name: str) -> Queue:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(name)
        return queue


def _listens(listener: MemoryBroadcasts, pool: str) -> bool:
    return pool == _ANY_POOL or pool in listener.pools or _ANY_POOL in listener.pools
