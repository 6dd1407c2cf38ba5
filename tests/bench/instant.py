"""A runner that returns at once, and a worker process that offers it: `python -m tests.bench.instant DIRECTORY`."""

import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from engine.broker import connect
from engine.settings import Settings
from workers.config import WorkerConfig
from workers.runners.interface import Attempt, LogSink, Result, StopToken
from workers.worker import Worker


class InstantRunner:
    """Kind `instant`: nothing to do, so what is measured is the engine."""

    @property
    def kinds(self) -> Sequence[str]:
        return ("instant",)

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:
        return Result.succeeded()

    def close(self) -> None:
        """Nothing is held."""


def main(directory: Path) -> None:
    settings = Settings.read()
    broker, logs = connect(settings.broker_url, name="bench"), connect(settings.broker_url, name="bench-logs")
    broker.declare(["default"])
    config = WorkerConfig(worker_id=directory.name, state_dir=directory, slots=8, allow_processes=True)
    worker = Worker(broker, config, log_broker=logs, added_runners=[InstantRunner()])
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    worker.start()
    ending.wait()
    worker.stop()
    worker.join(30)
    logs.close()
    broker.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
