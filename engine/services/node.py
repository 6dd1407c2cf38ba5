"""A process's services: started in order, stopped in reverse."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from engine.services.service import Service

log = logging.getLogger(__name__)


class Node:
    """The services of one process. If one cannot start, those before it are stopped again."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = list(services)
        self._started: list[Service] = []

    def start(self) -> None:
        """Start every service in order. Raises what a service's `start` raises, with none left running."""
        try:
            for service in self._services:
                service.start()
                self._started.append(service)
                log.debug("%s started", service.name)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what was started, last first. One that fails to stop is logged and does not keep the others."""
        while self._started:
            service = self._started.pop()
            try:
                service.stop()
                log.debug("%s stopped", service.name)
            except Exception:  # the rest must be stopped all the same
                log.exception("%s could not be stopped cleanly", service.name)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start, and stop at the end of the block."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def faults(self) -> dict[str, str]:
        """Return, for each service that is not well, why."""
        return {service.name: service.fault for service in self._services if service.fault}
