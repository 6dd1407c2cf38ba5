"""Where an instance of a service lives: its directory, its log, and the record of its processes."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.services import processes
from tests.services.errors import ServiceUnavailableError
from tests.services.state import Service, State, save

POLL_SECONDS = 0.05
LOG_LINES_SHOWN = 15


@dataclass(frozen=True)
class Kind:
    """What a service must say of itself: how it is found, installed, started, and asked whether it answers."""

    name: str
    variable: str
    packages: tuple[str, ...]
    installed: Callable[[], bool]
    check: Callable[[str], None]
    start: Callable[["Place"], str]


@dataclass
class Place:
    """The place of one instance; a process is in the state's file before anything waits for it."""

    name: str
    state: State
    guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def service(self) -> Service:
        """The instance's entry in the state."""
        return self.state.services[self.name]

    @property
    def directory(self) -> Path:
        """The instance's own directory."""
        return Path(self.state.home) / self.name

    @property
    def log(self) -> Path:
        """The file that gets the output of its processes."""
        return self.directory / "output.log"

    @property
    def marker(self) -> str:
        """What its processes carry in their environment, to be found by."""
        return str(self.directory)

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        """Give the environment of a process of the service, short-lived ones included, with the marker."""
        return {**os.environ, **more, processes.MARKER: self.marker}

    def launch(
        self, argv: Sequence[str], environ: Mapping[str, str] | None = None, *, user: str | None = None, stop: int = 0
    ) -> processes.Recorded:
        """Start a process of the service and record it."""
        whole = self.environ(environ or {})
        started = processes.launch(argv, environ=whole, log=self.log, user=user, stop=stop or signal.SIGTERM)
        self.service.processes.append(started)
        self.save()
        return started

    def drop(self, gone: processes.Recorded) -> None:
        """Forget a process that has ended."""
        self.service.processes.remove(gone)
        self.save()

    def save(self) -> None:
        """Write the state; instances that start at the same time share it and the guard."""
        with self.guard:
            save(self.state)

    def wait(self, check: Callable[[], None], process: processes.Recorded, seconds_max: float) -> None:
        """Wait until the check passes.

        Raises:
            ServiceUnavailableError: The process ended, or the time is over; with the end of its log.
        """
        deadline = time.monotonic() + seconds_max
        while True:
            try:
                return check()
            except ServiceUnavailableError as error:
                if not processes.alive(process):
                    raise self.failure("ended while starting") from error
                if time.monotonic() > deadline:
                    raise self.failure(f"does not answer after {seconds_max:.0f} s ({error})") from error
            time.sleep(POLL_SECONDS)

    def failure(self, what: str) -> ServiceUnavailableError:
        """Make the error that says what happened and ends with the last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return ServiceUnavailableError("\n".join([f"{self.name} {what}; its log ends:", *lines[-LOG_LINES_SHOWN:]]))
