"""The real services of the tests: PostgreSQL, RabbitMQ, Docker; see README.md here."""

from tests.services.errors import ServiceUnavailableError
from tests.services.lifecycle import (
    KINDS,
    Outcome,
    down,
    find,
    own_rabbitmq,
    rabbitmq_environ,
    rabbitmqctl,
    restart_rabbitmq,
    status,
    up,
)

__all__ = [
    "KINDS",
    "Outcome",
    "ServiceUnavailableError",
    "down",
    "find",
    "own_rabbitmq",
    "rabbitmq_environ",
    "rabbitmqctl",
    "restart_rabbitmq",
    "status",
    "up",
]
