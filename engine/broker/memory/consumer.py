"""Pull views of queues in memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from engine.broker.interface import Delivery
from engine.broker.memory.queues import Queue

Find = Callable[[str], Queue]
"""Gives the queue of a name."""


class MemoryConsumer:
    """A consumer over one queue or several; see `engine.broker.interface.GroupConsumer`.

    It has a condition of its own on the broker's one lock: only whoever gets something is woken.
    """

    def __init__(
        self, lock: threading.Lock, queues: Sequence[Queue], prefetch: int, tags: Iterator[int], find: Find
    ) -> None:
        """Join the queues. The lock is held, here and when `find` is called."""
        self._find = find
        self._arrived = threading.Condition(lock)
        self._prefetch = prefetch
        self._tags = tags
        self._queues = {queue.name: queue for queue in queues}
        self._taken = dict.fromkeys(self._queues, 0)
        self._inbox: deque[Delivery] = deque()
        self._unacknowledged: dict[int, Delivery] = {}
        self._woken = False
        self._closed = False
        self._resting = False
        for queue in queues:
            queue.join(self)

    @property
    def active(self) -> bool:
        """Whether messages can arrive."""
        return not self._closed

    @property
    def held(self) -> frozenset[str]:
        """Queues whose active consumer this is."""
        with self._arrived:
            return frozenset(name for name, queue in self._queues.items() if queue.takers[:1] == [self])

    def get(self, max_messages: int, timeout_seconds: float | None) -> list[Delivery]:
        """Return what is there, at most `max_messages`; wait for the first."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._inbox or self._woken or self._closed, timeout_seconds)
            self._woken = False
            return [self._inbox.popleft() for _ in range(min(max_messages, len(self._inbox)))]

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge; what this consumer does not hold is ignored."""
        with self._arrived:
            self._deal(self._let_go(deliveries))

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Put back at the head, in order."""
        with self._arrived:
            mine = self._let_go(deliveries)
            for name in {delivery.queue for delivery in mine}:
                self._queues[name].give_back(delivery for delivery in mine if delivery.queue == name)
            self._deal(mine)

    def release(self, delivery: Delivery) -> None:
        """Stop consuming, then acknowledge."""
        with self._arrived:
            self._resting = True
            for queue in self._queues.values():
                queue.part(self)
            self._deal(self._let_go([delivery]))

    def resume(self) -> None:
        """Consume again after `release`."""
        with self._arrived:
            resting, self._resting = self._resting, False
            if resting and not self._closed:
                for queue in self._queues.values():
                    queue.join(self)

    def leave(self, queue: str) -> None:
        """Give one queue to the next consumer, with what is unacknowledged of it."""
        with self._arrived:
            if (found := self._queues.pop(queue, None)) is not None:
                self._go(found)

    def join(self, queue: str) -> None:
        """Consume a queue, behind those who do."""
        with self._arrived:
            if self._closed or queue in self._queues:
                return
            self._queues[queue] = found = self._find(queue)
            self._taken[queue] = 0
            found.join(self)

    def wake(self) -> None:
        """Make a waiting `get` return."""
        with self._arrived:
            self._woken = True
            self._arrived.notify_all()

    def close(self) -> None:
        """Give everything back and end. Idempotent."""
        with self._arrived:
            self._closed = True
            while self._queues:
                self._go(self._queues.popitem()[1])
            self._arrived.notify_all()

    def room(self, queue: Queue) -> int:
        """Return how many more messages of the queue may be unacknowledged. The lock is held."""
        return self._prefetch - self._taken[queue.name]

    def take(self, queue: Queue, messages: Sequence[tuple[bytes, bool]]) -> None:
        """Receive messages. The lock is held."""
        self._taken[queue.name] += len(messages)
        for body, redelivered in messages:
            delivery = Delivery(next(self._tags), body, redelivered, queue.name)
            self._unacknowledged[delivery.tag] = delivery
            self._inbox.append(delivery)
        self._arrived.notify()

    def _let_go(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Forget the deliveries, and return those that were still held."""
        mine = [one for one in deliveries if self._unacknowledged.pop(one.tag, None) is not None]
        for delivery in mine:
            self._taken[delivery.queue] -= 1
        return mine

    def _deal(self, gone: Sequence[Delivery]) -> None:
        for name in {delivery.queue for delivery in gone}:
            self._queues[name].deal()

    def _go(self, queue: Queue) -> None:
        """Part from a queue: what is unacknowledged goes to its head, in order, and so to the next consumer."""
        queue.part(self)
        mine = [delivery for delivery in self._unacknowledged.values() if delivery.queue == queue.name]
        for delivery in mine:
            del self._unacknowledged[delivery.tag]
        self._inbox = deque(delivery for delivery in self._inbox if delivery.tag in self._unacknowledged)
        queue.give_back(mine)
        queue.deal()
