"""The RabbitMQ adapter. Only this package knows pika."""

from engine.broker.rabbitmq.broker import RabbitBroker

__all__ = ["RabbitBroker"]
