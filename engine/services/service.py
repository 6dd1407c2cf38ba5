"""The contract of every loop: start, stop, and whether it is well."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)


class Service(Protocol):
    """One loop of a process."""

    @property
    def name(self) -> str:
        """What the loop is called in logs and health answers."""

    def start(self) -> None:
        """Start the loop in threads of its own and return."""

    def stop(self) -> None:
        """Ask the loop to end and wait until it has. Idempotent."""

    @property
    def fault(self) -> str:
        """Why the loop is not well; empty when it is."""


class Loop:
    """A thread that calls `turn` until it is stopped.

    An exception of a turn is logged, shown as `fault` until a turn succeeds, and followed by a growing pause (at most
    5 s): a loop outlives a database or a broker that is away for a while. `interrupt` must make a waiting turn return.
    """

    def __init__(self, name: str, turn: Callable[[], None], interrupt: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self._turn = turn
        self._interrupt = interrupt
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._fault = ""

    @property
    def fault(self) -> str:
        """Why the loop is not well; empty when it is."""
        if self._thread is not None and not self._thread.is_alive() and not self._stopping.is_set():
            return f"{self.name} has ended"
        return self._fault

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end and wait until it has."""
        self._stopping.set()
        self._interrupt()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def pause(self, seconds: float) -> bool:
        """Wait, or less if stopped; return whether to go on."""
        return not self._stopping.wait(seconds)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._turn()
                failures, self._fault = 0, ""
            except Exception as error:  # a loop's last line of defence: say it, wait, go on
                failures += 1
                self._fault = f"{self.name}: {error}"
                log.warning("%s failed (%d in a row): %s", self.name, failures, error, exc_info=failures == 1)
                self._stopping.wait(min(0.1 * 2**failures, 5.0))


class LoopService(Loop, ABC):
    """A service that is one loop: a subclass gives `name` and `turn`, and `interrupt` where a turn waits."""

    name = ""

    def __init__(self) -> None:
        super().__init__(self.name, self.turn, self.interrupt)

    @abstractmethod
    def turn(self) -> None:
        """Do what is due; wait for it first where there is nothing."""

    def interrupt(self) -> None:
        """Make a waiting turn return. Called by another thread."""
