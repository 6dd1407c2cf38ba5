"""Which queues and exchanges there are, and with which arguments."""

from typing import Any, Final

from engine.broker.interface import EVENT_QUEUES, HEARTBEATS, LOGS, PARKED, events_queue, tasks_queue

BROADCASTS: Final = "chronoverse.broadcasts"


def system_queues() -> list[str]:
    """Return the queues that are always there."""
    return [*(events_queue(n) for n in range(EVENT_QUEUES)), HEARTBEATS, LOGS, PARKED]


def pool_queues(pools: list[str]) -> list[str]:
    """Return the queues of pools."""
    return [tasks_queue(pool) for pool in pools]


def arguments(queue: str, server_major: int) -> dict[str, Any]:
    """Return the queue's arguments.

    Quorum queues throughout; a single active consumer but for tasks; no delivery limit (RabbitMQ 4 has one of 20
    unless told otherwise, and poison is the executor's business).
    """
    found: dict[str, Any] = {"x-queue-type": "quorum"}
    if not queue.startswith("tasks.") and queue != PARKED:
        found["x-single-active-consumer"] = True
    if server_major >= 4:
        found["x-delivery-limit"] = -1
    return found
