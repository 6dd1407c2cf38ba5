"""A runner that is made when its first attempt comes: a worker that never needs it does not pay for it."""

import threading
from collections.abc import Callable, Sequence

from workers.runners.interface import Attempt, LogSink, Result, Runner, StopToken


class Deferred:
    """Stands for a runner of one kind until it is wanted."""

    def __init__(self, kind: str, make: Callable[[], Runner]) -> None:
        self._kind = kind
        self._make = make
        self._lock = threading.Lock()
        self._runner: Runner | None = None

    @property
    def kinds(self) -> Sequence[str]:
        """What it takes."""
        return (self._kind,)

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:
        """Make the runner if this is the first attempt, and let it carry the attempt out."""
        with self._lock:
            runner = self._runner = self._runner or self._make()
        return runner.run(attempt, sink, stop)

    def close(self) -> None:
        """Close the runner, if there is one."""
        if self._runner is not None:
            self._runner.close()
