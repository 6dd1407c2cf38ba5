"""Messages, the broker's contract, and its two adapters: in-process memory and RabbitMQ."""

from engine.broker.interface import Broker, BrokerError
from engine.broker.memory import MemoryBroker

__all__ = ["Broker", "BrokerError", "MemoryBroker", "connect"]


def connect(url: str, *, name: str) -> Broker:
    """Return a broker for `url`: `memory://` (this process alone) or `amqp://user:password@host/vhost`.

    `name` is what the broker's operator sees of the connection. Raises `BrokerError` for any other URL; one that
    cannot be reached yet is tried again until it answers.
    """
    if url.startswith("memory:"):
        return MemoryBroker()
    if url.startswith(("amqp://", "amqps://")):
        from engine.broker.rabbitmq import RabbitBroker  # noqa: PLC0415 - pika costs memory where it is not used

        return RabbitBroker(url, name=name)
    scheme = url.partition("://")[0] if "://" in url else ""  # never the rest: it may hold a password
    raise BrokerError(
        f"a broker URL cannot begin with {scheme!r}\n  hint: memory:// or amqp://user:password@host/vhost"
    )
