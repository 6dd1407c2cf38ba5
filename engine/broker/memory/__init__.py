"""The broker of one process: queues in memory, the same promises as RabbitMQ's but durability."""

from engine.broker.memory.broker import MemoryBroker

__all__ = ["MemoryBroker"]
