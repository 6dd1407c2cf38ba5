"""Two executors on a real broker: the second, started later, gets its share of the events queues."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from engine.broker.interface import EVENT_QUEUES, Broker, Delivery, events_queue
from engine.broker.messages import Wake, encode
from engine.clock import new_id, system_clock
from engine.services.executor import Executor
from engine.services.executor.shares import RENEW_SECONDS, SURPLUS_SECONDS
from engine.store.database import Database
from engine.store.schema import migrate
from tests.integration.rabbitmq_play import connected, until


class Clock:
    def __init__(self) -> None:
        self.now = system_clock()

    def __call__(self) -> "object":
        return self.now


class Noting(Executor):
    """Notes which queues its events come from."""

    def __init__(self, database: Database, broker: Broker, clock: Clock) -> None:
        super().__init__(database, broker, clock)  # type: ignore[arg-type]
        self.heard: list[str] = []

    def process(self, deliveries: list[Delivery]) -> None:
        super().process(deliveries)
        self.heard += [delivery.queue for delivery in deliveries]

    def turn_now(self) -> None:
        """Take one batch, and do not wait for one."""
        self._consumer.wake()
        self.turn()

    def ready(self) -> bool:
        return not self.fault


def say_something_to_every_queue(broker: Broker) -> None:
    for number in range(EVENT_QUEUES):
        broker.publish(events_queue(number), [encode(Wake(run_id=new_id()))])


def turn_until(executors: list[Noting], condition: Callable[[], bool], what: str) -> None:
    def holds() -> bool:
        for executor in executors:
            executor.turn_now()
        return condition()

    until(holds, what)


def test_the_second_executor_gets_half_of_the_queues(rabbitmq_url: str, tmp_path: Path) -> None:
    clock = Clock()
    database = Database.open(f"sqlite:///{tmp_path / 'test.db'}", clock=clock)  # type: ignore[arg-type]
    migrate(database)
    every_queue = {events_queue(number) for number in range(EVENT_QUEUES)}
    with connected(rabbitmq_url, "first") as one, connected(rabbitmq_url, "second") as other:
        first = Noting(database, one, clock)
        until(first.ready, "the first executor is not connected")
        second = Noting(database, other, clock)
        until(second.ready, "the second executor is not connected")
        both = [first, second]
        say_something_to_every_queue(one)
        turn_until(both, lambda: len(first.heard) >= EVENT_QUEUES, "the first executor did not get every queue")
        assert set(first.heard) == every_queue
        assert second.heard == []

        for _ in range(1 + int(SURPLUS_SECONDS / RENEW_SECONDS)):
            clock.now += timedelta(seconds=RENEW_SECONDS)
            second.turn_now()
            first.turn_now()
        until(first.ready, "the first executor does not stand by for what it left")
        first.heard.clear()
        say_something_to_every_queue(one)
        turn_until(both, lambda: len(first.heard + second.heard) >= EVENT_QUEUES, "something was not heard")
        assert len(first.heard) == len(second.heard) == EVENT_QUEUES // 2
        assert set(first.heard) | set(second.heard) == every_queue

        second.stop()
        first.heard.clear()
        say_something_to_every_queue(one)
        turn_until([first], lambda: set(first.heard) == every_queue, "what the second left was not taken back")
        first.stop()
    database.close()
