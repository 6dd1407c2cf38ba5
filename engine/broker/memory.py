"""The broker of one process: queues in memory, the same promises as RabbitMQ's but durability.

What is lost with the process is found again by the sweeps at the next start. Queues are not bounded: what stands in
them is bounded by the rows of the database that the messages speak of, and publishing must never block an executor.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from engine.broker.interface import BrokerError, Delivery, Outcome

_ANY_POOL = "*"


class _Queue:
    """Messages in order, and the consumers that want them; the first consumer is the active one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: deque[tuple[bytes, bool]] = deque()
        self.consumers: list[MemoryConsumer] = []
        self.single_active = not name.startswith("tasks.")
        self.turn = 0


class MemoryBroker:
    """All queues of one process, under one lock. Every waiting consumer has a condition of its own on that lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, _Queue] = {}
        self._replies: dict[str, MemoryReplies] = {}
        self._broadcasts: list[MemoryBroadcasts] = []
        self._numbers = count(1)
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
        """Append to the queue; every outcome is known at once."""
        with self._lock:
            closed = self._closed
            if not closed:
                target = self.queue(queue)
                target.ready.extend((body, False) for body in bodies)
                self.deal(target)
        if on_outcome is not None:
            for index in range(len(bodies)):
                on_outcome(index, Outcome.FAILED if closed else Outcome.CONFIRMED)

    def reply(self, address: str, bodies: Sequence[bytes]) -> None:
        """Put into the inbox at that address; lost if it is gone."""
        with self._lock:
            inbox = self._replies.get(address)
            if inbox is not None:
                inbox.put(bodies)

    def broadcast(self, pool: str, body: bytes) -> None:
        """Say to everybody who listens to the pool."""
        with self._lock:
            for listener in self._broadcasts:
                if pool == _ANY_POOL or pool in listener.pools or _ANY_POOL in listener.pools:
                    listener.put(body)

    def consume(self, queue: str, prefetch: int) -> "MemoryConsumer":
        """Open a consumer."""
        return self.consume_all([queue], prefetch)

    def consume_all(self, queues: Sequence[str], prefetch: int) -> "MemoryConsumer":
        """Open one consumer over several queues."""
        consumer = MemoryConsumer(self, self._lock, prefetch)
        with self._lock:
            for name in queues:
                consumer.join(self.queue(name))
        return consumer

    def replies(self) -> "MemoryReplies":
        """Open an inbox."""
        inbox = MemoryReplies(self, self._lock, f"reply.{next(self._numbers)}")
        with self._lock:
            self._replies[inbox.address] = inbox
        return inbox

    def broadcasts(self, pools: Sequence[str]) -> "MemoryBroadcasts":
        """Open a subscription."""
        listener = MemoryBroadcasts(self, self._lock, frozenset(pools))
        with self._lock:
            self._broadcasts.append(listener)
        return listener

    def depth(self, queue: str) -> int:
        """Return how many messages are ready."""
        with self._lock:
            return len(self.queue(queue).ready)

    def close(self) -> None:
        """Close everything that is open."""
        with self._lock:
            self._closed = True
            consumers = {consumer for queue in self._queues.values() for consumer in queue.consumers}
            others: list[MemoryReplies | MemoryBroadcasts] = [*self._replies.values(), *self._broadcasts]
        for consumer in consumers:
            consumer.close()
        for inbox in others:
            inbox.close()

    def queue(self, name: str) -> _Queue:
        """Return the queue of that name. The lock is held."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue(name)
        return queue

    def deal(self, queue: _Queue) -> None:
        """Hand ready messages to whoever has room: the active consumer, or each slot in turn. The lock is held."""
        while queue.ready:
            consumer = self._next_consumer(queue)
            if consumer is None:
                return
            room = consumer.room(queue) if queue.single_active else 1
            for _ in range(min(room, len(queue.ready))):
                body, redelivered = queue.ready.popleft()
                consumer.take(queue, Delivery(next(self._numbers), body, redelivered, queue.name))

    def forget(self, inbox: "MemoryReplies | MemoryBroadcasts") -> None:
        """Let an inbox that was closed go. The lock is held."""
        if isinstance(inbox, MemoryReplies):
            self._replies = {address: found for address, found in self._replies.items() if found is not inbox}
        else:
            self._broadcasts = [found for found in self._broadcasts if found is not inbox]

    def _next_consumer(self, queue: _Queue) -> "MemoryConsumer | None":
        if queue.single_active:
            return queue.consumers[0] if queue.consumers and queue.consumers[0].room(queue) else None
        for step in range(len(queue.consumers)):
            index = (queue.turn + step) % len(queue.consumers)
            if queue.consumers[index].room(queue):
                queue.turn = index + 1
                return queue.consumers[index]
        return None


class MemoryConsumer:
    """A pull view of one queue or several; see `engine.broker.interface.Consumer`."""

    def __init__(self, broker: MemoryBroker, lock: threading.Lock, prefetch: int) -> None:
        self._broker = broker
        self._arrived = threading.Condition(lock)
        self._prefetch = prefetch
        self._queues: dict[str, _Queue] = {}
        self._taken: dict[str, int] = {}
        self._inbox: deque[Delivery] = deque()
        self._unacknowledged: dict[int, Delivery] = {}
        self._woken = False
        self._closed = False
        self._resting: list[_Queue] = []

    @property
    def active(self) -> bool:
        """Whether messages can arrive."""
        return not self._closed

    @property
    def held(self) -> frozenset[str]:
        """Queues whose active consumer this is."""
        with self._arrived:
            return frozenset(name for name, queue in self._queues.items() if queue.consumers[:1] == [self])

    def get(self, max_messages: int, timeout_seconds: float | None) -> list[Delivery]:
        """Return what is there, at most `max_messages`; wait for the first."""
        with self._arrived:
            if not self._inbox and not self._woken and not self._closed and timeout_seconds != 0:
                self._arrived.wait(timeout_seconds)
            self._woken = False
            return [self._inbox.popleft() for _ in range(min(max_messages, len(self._inbox)))]

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge; what this consumer does not hold is ignored."""
        with self._arrived:
            self._settle(deliveries)

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Put back at the head, in order."""
        with self._arrived:
            for delivery in reversed(deliveries):
                if delivery.tag in self._unacknowledged:
                    queue = self._queues.get(delivery.queue) or self._broker.queue(delivery.queue)
                    queue.ready.appendleft((delivery.body, True))
            self._settle(deliveries)

    def release(self, delivery: Delivery) -> None:
        """Stop consuming, then acknowledge."""
        with self._arrived:
            self._resting = list(self._queues.values())
            for queue in self._resting:
                self._part(queue)
            self._settle([delivery])

    def resume(self) -> None:
        """Consume again after `release`."""
        with self._arrived:
            resting, self._resting = self._resting, []
            for queue in resting:
                if not self._closed:
                    self.join(queue)

    def leave(self, queue: str) -> None:
        """Give one queue to the next consumer, with what is unacknowledged of it."""
        with self._arrived:
            found = self._queues.pop(queue, None)
            if found is not None:
                self._part(found)
                self._give_back(found)

    def wake(self) -> None:
        """Make a waiting `get` return."""
        with self._arrived:
            self._woken = True
            self._arrived.notify_all()

    def close(self) -> None:
        """Give everything back and end."""
        with self._arrived:
            if self._closed:
                return
            self._closed = True
            for queue in self._queues.values():
                self._part(queue)
            for queue in self._queues.values():
                self._give_back(queue)
            self._arrived.notify_all()

    def join(self, queue: _Queue) -> None:
        """Become a consumer of the queue. The lock is held."""
        self._queues[queue.name] = queue
        self._taken.setdefault(queue.name, 0)
        queue.consumers.append(self)
        self._broker.deal(queue)

    def room(self, queue: _Queue) -> int:
        """Return how many more messages of the queue may be unacknowledged. The lock is held."""
        return self._prefetch - self._taken[queue.name]

    def take(self, queue: _Queue, delivery: Delivery) -> None:
        """Receive one message. The lock is held."""
        self._taken[queue.name] += 1
        self._unacknowledged[delivery.tag] = delivery
        self._inbox.append(delivery)
        self._arrived.notify()

    def _settle(self, deliveries: Sequence[Delivery]) -> None:
        touched = set()
        for delivery in deliveries:
            if self._unacknowledged.pop(delivery.tag, None) is not None:
                self._taken[delivery.queue] -= 1
                touched.add(delivery.queue)
        for name in touched:
            self._broker.deal(self._broker.queue(name))

    def _part(self, queue: _Queue) -> None:
        if self in queue.consumers:
            queue.consumers.remove(self)

    def _give_back(self, queue: _Queue) -> None:
        """Return what is unacknowledged to the queue's head, in order, and let the next consumer have it."""
        mine = [delivery for delivery in self._unacknowledged.values() if delivery.queue == queue.name]
        for delivery in reversed(mine):
            del self._unacknowledged[delivery.tag]
            queue.ready.appendleft((delivery.body, True))
        self._taken[queue.name] = 0
        gone = {delivery.tag for delivery in mine}
        self._inbox = deque(delivery for delivery in self._inbox if delivery.tag not in gone)
        self._broker.deal(queue)


class _Inbox:
    """Bodies that arrive, and one who waits for them."""

    def __init__(self, lock: threading.Lock) -> None:
        self._arrived = threading.Condition(lock)
        self._bodies: deque[bytes] = deque()
        self._woken = False
        self._closed = False

    def get(self, timeout_seconds: float | None) -> bytes | None:
        """Return the next body, or None."""
        with self._arrived:
            if not self._bodies and not self._woken and not self._closed:
                self._arrived.wait(timeout_seconds)
            self._woken = False
            return self._bodies.popleft() if self._bodies else None

    def wake(self) -> None:
        """Make a waiting `get` return."""
        with self._arrived:
            self._woken = True
            self._arrived.notify_all()

    def _put(self, bodies: Sequence[bytes]) -> None:
        self._bodies.extend(bodies)
        self._arrived.notify()


class MemoryReplies(_Inbox):
    """An inbox at an address; see `engine.broker.interface.Replies`."""

    def __init__(self, broker: MemoryBroker, lock: threading.Lock, address: str) -> None:
        super().__init__(lock)
        self._broker = broker
        self._address = address

    @property
    def address(self) -> str:
        """The address for `reply_to`. Raises `BrokerError` when closed."""
        if self._closed:
            raise BrokerError("the inbox is closed")
        return self._address

    def publish(self, queue: str, body: bytes) -> None:
        """Publish to a queue."""
        self._broker.publish(queue, [body])

    def put(self, bodies: Sequence[bytes]) -> None:
        """Receive. The lock is held."""
        self._put(bodies)

    def close(self) -> None:
        """Close: what is sent to the address from now on is lost."""
        with self._arrived:
            self._closed = True
            self._broker.forget(self)
            self._arrived.notify_all()


class MemoryBroadcasts(_Inbox):
    """A subscription; see `engine.broker.interface.Broadcasts`."""

    def __init__(self, broker: MemoryBroker, lock: threading.Lock, pools: frozenset[str]) -> None:
        super().__init__(lock)
        self._broker = broker
        self.pools = pools

    def put(self, body: bytes) -> None:
        """Receive. The lock is held."""
        self._put([body])

    def close(self) -> None:
        """Close."""
        with self._arrived:
            self._closed = True
            self._broker.forget(self)
            self._arrived.notify_all()
