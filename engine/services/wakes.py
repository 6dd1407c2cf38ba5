"""Wakes: tell the executor that something was inserted for a run. Losing one costs a sweep, nothing else."""

import zlib
from collections import defaultdict
from collections.abc import Iterable

from engine.broker.interface import EVENT_QUEUES, Broker, events_queue
from engine.broker.messages import Wake, encode


def queue_of(run_id: str) -> str:
    """Return the events queue that a run's messages go to."""
    return events_queue(zlib.crc32(run_id.encode()) % EVENT_QUEUES)


def wake(broker: Broker, run_ids: Iterable[str]) -> None:
    """Publish a wake for each run."""
    by_queue: dict[str, list[bytes]] = defaultdict(list)
    for run_id in run_ids:
        by_queue[queue_of(run_id)].append(encode(Wake(run_id=run_id)))
    for queue, bodies in by_queue.items():
        broker.publish(queue, bodies)
