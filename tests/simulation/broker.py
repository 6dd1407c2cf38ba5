"""A broker in simulated time that loses, doubles, delays and reorders what is published, by a seed."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from engine.broker.interface import Delivery, Outcome
from engine.clock import Clock


@dataclass(slots=True)
class Faults:
    """How often what goes wrong, as probabilities."""

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    refused: float = 0.0
    write_lost: float = 0.0
    write_unsure: float = 0.0
    crash: float = 0.0

    @classmethod
    def drawn(cls, chance: random.Random) -> "Faults":
        """Return some mixture; now and then none at all."""
        scale = chance.choice([0.0, 0.5, 1.0])
        return cls(
            lost=0.15 * scale,
            doubled=0.15 * scale,
            late=0.3 * scale,
            refused=0.05 * scale,
            write_lost=0.03 * scale,
            write_unsure=0.03 * scale,
            crash=0.02 * scale,
        )


@dataclass(order=True, slots=True)
class Letter:
    """One message on its way; `at` is when it can be seen."""

    at: datetime
    number: int
    body: bytes = field(compare=False)


class SimulatedConsumer:
    """What the executor sees of its queues. The world hands deliveries over itself."""

    active = True

    def __init__(self, broker: "SimulatedBroker") -> None:
        self._broker = broker
        self.unacknowledged: dict[int, tuple[str, bytes]] = {}

    def take(self, queue: str, body: bytes) -> Delivery:
        tag = next(self._broker.numbers)
        self.unacknowledged[tag] = (queue, body)
        return Delivery(tag=tag, body=body, queue=queue)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self.unacknowledged.pop(delivery.tag, None)

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            found = self.unacknowledged.pop(delivery.tag, None)
            if found is not None:
                self._broker.put(found[0], found[1])

    def close(self) -> None:
        """Give everything unacknowledged back."""
        for queue, body in self.unacknowledged.values():
            self._broker.put(queue, body)
        self.unacknowledged.clear()

    def wake(self) -> None:
        """Nobody waits in simulated time."""


class SimulatedBroker:
    """Queues and reply addresses in memory, with faults. Implements of `Broker` what engine services call."""

    connected = True

    def __init__(self, chance: random.Random, clock: Clock, faults: Faults) -> None:
        self._chance = chance
        self._clock = clock
        self.faults = faults
        self.numbers = count()
        self.queues: dict[str, list[Letter]] = defaultdict(list)
        self.consumers: list[SimulatedConsumer] = []

    def publish(
        self, queue: str, bodies: Sequence[bytes], on_outcome: Callable[[int, Outcome], None] | None = None
    ) -> None:
        for index, body in enumerate(bodies):
            refused = self._chance.random() < self.faults.refused
            if not refused or self._chance.random() < 0.5:  # refused, and yet there: the cruel case
                self._send(queue, body)
            if on_outcome is not None:
                on_outcome(index, Outcome.FAILED if refused else Outcome.CONFIRMED)

    def reply(self, address: str, bodies: Sequence[bytes]) -> None:
        for body in bodies:
            self._send(address, body)

    def broadcast(self, pool: str, body: bytes) -> None:
        """Nobody listens to broadcasts here."""

    def consume(self, queue: str, prefetch: int) -> SimulatedConsumer:
        return self.consume_all([queue], prefetch)

    def consume_all(self, queues: Sequence[str], prefetch: int) -> SimulatedConsumer:
        consumer = SimulatedConsumer(self)
        self.consumers.append(consumer)
        return consumer

    def depth(self, queue: str) -> int:
        return len(self.queues[queue])

    def put(self, queue: str, body: bytes, delay_seconds: float = 0.0) -> None:
        at = self._clock() + timedelta(seconds=delay_seconds)
        self.queues[queue].append(Letter(at, next(self.numbers), body))

    def ready(self, queue: str) -> list[Letter]:
        """Return what can be seen in the queue now, in an order of the seed's choosing while there are faults."""
        now = self._clock()
        seen = sorted(letter for letter in self.queues[queue] if letter.at <= now)
        if self.faults.late:
            self._chance.shuffle(seen)
        return seen

    def take(self, queue: str, letter: Letter) -> bytes:
        self.queues[queue].remove(letter)
        return letter.body

    def _send(self, queue: str, body: bytes) -> None:
        if self._chance.random() < self.faults.lost:
            return
        copies = 2 if self._chance.random() < self.faults.doubled else 1
        for _ in range(copies):
            late = self._chance.random() < self.faults.late
            self.put(queue, body, self._chance.uniform(0, 8) if late else 0.0)
