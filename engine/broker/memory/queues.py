"""One queue in memory: what is ready, in order, and who wants it."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from engine.broker.interface import Delivery

QUEUE_BYTES_MAX: Final = 64 * 1024 * 1024
MESSAGE_BYTES: Final = 100
"""What a message costs beside its body."""


class Taker(Protocol):
    """A consumer, as its queues see it. The broker's lock is held."""

    def room(self, queue: "Queue") -> int:
        """Return how many more messages of the queue may be unacknowledged."""

    def take(self, queue: "Queue", messages: Sequence[tuple[bytes, bool]]) -> None:
        """Receive messages: bodies, and whether they were delivered before."""


class Queue:
    """Messages in order and their consumers. The broker's lock is held whenever anything here is called.

    With a single active consumer the first gets all until it goes; slots get one each in turn.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: deque[tuple[bytes, bool]] = deque()
        self.takers: list[Taker] = []
        self._bytes = 0
        self._single_active = not name.startswith("tasks.")
        self._turn = 0

    def append(self, bodies: Sequence[bytes]) -> bool:
        """Take in new messages at the end, all or none; return whether there was room."""
        size = sum(map(len, bodies)) + MESSAGE_BYTES * len(bodies)
        if self._bytes + size > QUEUE_BYTES_MAX:
            return False
        self._bytes += size
        self.ready.extend((body, False) for body in bodies)
        return True

    def give_back(self, deliveries: Iterable[Delivery]) -> None:
        """Put deliveries, given in order, back at the head: whatever the bound, they are not lost."""
        bodies = [delivery.body for delivery in deliveries]
        self._bytes += sum(map(len, bodies)) + MESSAGE_BYTES * len(bodies)
        self.ready.extendleft((body, True) for body in reversed(bodies))

    def join(self, taker: Taker) -> None:
        """Add a consumer, behind those there are."""
        self.takers.append(taker)
        self.deal()

    def part(self, taker: Taker) -> None:
        """Remove a consumer; it keeps what it has not acknowledged."""
        if taker in self.takers:
            self.takers.remove(taker)

    def deal(self) -> None:
        """Hand what is ready to whoever has room."""
        while self.ready and (taker := self._next_taker()) is not None:
            number = min(taker.room(self), len(self.ready)) if self._single_active else 1
            messages = [self.ready.popleft() for _ in range(number)]
            self._bytes -= sum(len(body) for body, _ in messages) + MESSAGE_BYTES * number
            taker.take(self, messages)

    def _next_taker(self) -> Taker | None:
        if self._single_active:
            return self.takers[0] if self.takers and self.takers[0].room(self) > 0 else None
        for step in range(len(self.takers)):
            index = (self._turn + step) % len(self.takers)
            if self.takers[index].room(self) > 0:
                self._turn = index + 1
                return self.takers[index]
        return None
