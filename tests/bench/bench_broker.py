"""What the brokers carry: `python -m tests.bench.bench_broker [AMQP_URL]`, messages a second and milliseconds.

Memory always; RabbitMQ at the URL given, else at the one that `python -m tests.services up` started. What is timed is
a queue's whole way: publish, confirm, deliver, acknowledge. Queues are of this run alone, and are left empty.
"""

import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from statistics import median

from engine.broker import Broker, MemoryBroker, connect
from engine.broker.interface import Consumer, Outcome
from tests.services import ServiceUnavailableError, find

BODY = b"x" * 200
ROUNDS = 3
MEMORY_MESSAGES, RABBIT_MESSAGES, TRIPS = 200_000, 20_000, 300
ANSWER_SECONDS_MAX = 60.0
PREFETCH = 500

_numbers = count(time.time_ns())


def _queue() -> str:
    return f"tasks.bench-{next(_numbers)}"


def throughput(broker: Broker, messages: int, batch: int) -> float:
    """Messages a second through one queue, published in batches while one consumer takes and acknowledges them."""
    queue = _queue()
    consumer = broker.consume(queue, PREFETCH)
    broker.depth(queue)
    publisher = threading.Thread(target=_publish, args=(broker, queue, messages, batch))
    begin = time.perf_counter()
    publisher.start()
    _drain(consumer, messages)
    seconds = time.perf_counter() - begin
    publisher.join()
    consumer.close()
    return messages / seconds


def confirms(broker: Broker, messages: int, *, outstanding: bool) -> float:
    """Confirmed messages a second: any number outstanding, or each waited for before the next."""
    queue, known, seen = _queue(), threading.Event(), count(1)
    broker.depth(queue)
    group = messages if outstanding else 1

    def confirmed(_index: int, outcome: Outcome) -> None:
        assert outcome is Outcome.CONFIRMED
        if next(seen) % group == 0:
            known.set()

    begin = time.perf_counter()
    for _ in range(messages // group):
        broker.publish(queue, [BODY] * group, confirmed)
        assert known.wait(ANSWER_SECONDS_MAX)
        known.clear()
    seconds = time.perf_counter() - begin
    consumer = broker.consume(queue, PREFETCH)
    _drain(consumer, messages)
    consumer.close()
    return messages / seconds


def trip(broker: Broker) -> float:
    """Milliseconds from publishing one message to having it, the median; nothing else goes on."""
    queue = _queue()
    consumer = broker.consume(queue, 1)
    broker.depth(queue)
    samples = []
    for _ in range(TRIPS):
        begin = time.perf_counter()
        broker.publish(queue, [BODY])
        consumer.ack(consumer.get(1, ANSWER_SECONDS_MAX))
        samples.append(time.perf_counter() - begin)
    consumer.close()
    return median(samples) * 1000


def reply(broker: Broker) -> float:
    """Milliseconds from sending one reply to having it, the median."""
    inbox = broker.replies()
    samples = []
    for _ in range(TRIPS):
        begin = time.perf_counter()
        broker.reply(inbox.address, [BODY])
        assert inbox.get(ANSWER_SECONDS_MAX) == BODY
        samples.append(time.perf_counter() - begin)
    inbox.close()
    return median(samples) * 1000


def _publish(broker: Broker, queue: str, messages: int, batch: int) -> None:
    for _ in range(messages // batch):
        broker.publish(queue, [BODY] * batch)


def _drain(consumer: Consumer, messages: int) -> None:
    found = 0
    while found < messages:
        deliveries = consumer.get(PREFETCH, ANSWER_SECONDS_MAX)
        assert deliveries, f"only {found} of {messages} messages came"
        consumer.ack(deliveries)
        found += len(deliveries)


def report(name: str, broker: Broker, messages: int) -> None:
    """Measure one broker and print its figures."""
    broker.declare([])
    print(f"{name}: {len(BODY)} bytes a message, medians of {ROUNDS}")
    for batch in (1, 100, 500):
        _say(f"through, in batches of {batch}", "messages/s", lambda: throughput(broker, messages, batch))  # noqa: B023
    _say("confirmed, outstanding", "messages/s", lambda: confirms(broker, messages, outstanding=True))
    _say("confirmed, one by one", "messages/s", lambda: confirms(broker, messages // 20, outstanding=False))
    _say("one message's trip", "ms", lambda: trip(broker))
    _say("one reply's trip", "ms", lambda: reply(broker))
    broker.close()


def _say(what: str, unit: str, measure: Callable[[], float]) -> None:
    figure = median(measure() for _ in range(ROUNDS))
    print(f"  {what:30} {figure:14,.2f} {unit}", flush=True)


def main(words: list[str]) -> None:
    """Run all."""
    report("memory", MemoryBroker(), MEMORY_MESSAGES)
    try:
        url = words[0] if words else find("rabbitmq")
    except ServiceUnavailableError as error:
        print(f"rabbitmq: not measured: {error}")
        return
    report("rabbitmq", connect(url, name="bench"), RABBIT_MESSAGES)


if __name__ == "__main__":
    main(sys.argv[1:])
