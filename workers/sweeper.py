"""Lets runners remove what nobody owns any more, now and then."""

import logging
import threading
from collections.abc import Mapping

from workers.held import Held
from workers.runners.interface import Runner, RunnerError, Sweeping

log = logging.getLogger(__name__)


class Sweeper:
    """One thread, if any runner wants it."""

    def __init__(self, runners: Mapping[str, Runner], held: Held, every_seconds: float) -> None:
        self._sweeping = [runner for runner in dict.fromkeys(runners.values()) if isinstance(runner, Sweeping)]
        self._held = held
        self._every_seconds = every_seconds
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sweeper", daemon=True)

    def start(self) -> None:
        """Sweep once, and again every so often."""
        if self._sweeping:
            self._thread.start()

    def close(self) -> None:
        """End the thread. Idempotent."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while True:
            for runner in self._sweeping:
                try:
                    runner.sweep(self._held.claims)
                except RunnerError as error:
                    log.warning("nothing was swept: %s", error)
            if self._closed.wait(self._every_seconds):
                return
