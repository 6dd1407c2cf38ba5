"""What every long-running process does: write its log, wait for a signal, end in order."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cli.collector import settle
from cli.errors import CliError
from engine.broker import BrokerError
from engine.services.node import Node
from engine.settings import Settings, SettingsError
from engine.store.errors import StoreError
from engine.telemetry.logs import Counting, JsonFormatter
from workers.worker import Worker

QUIET = ("alembic", "pika", "uvicorn", "httpx", "httpcore", "watchfiles", "docker", "urllib3", "asyncio")


def write_logs(settings: Settings) -> None:
    """Have the process write its log to stderr as the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else text)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler, Counting()], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what keeps a process from starting into a message with a hint."""
    from api.server import ServerError
    from engine.accounts.service import InvalidAccountError
    from engine.configuration import ConfigurationError
    from engine.keyring import KeyringError
    from engine.telemetry.process import EndpointError
    from workers.config import WorkerConfigError

    try:
        yield
    except ConfigurationError as error:
        raise CliError(str(error).rstrip(), "chronoverse config check shows them again") from error
    except (
        SettingsError,
        StoreError,
        BrokerError,
        ServerError,
        WorkerConfigError,
        KeyringError,
        EndpointError,
        InvalidAccountError,
    ) as error:
        message, _, hint = str(error).partition("\n  hint: ")
        raise CliError(message, hint) from error


def wait_for_signal() -> str:
    """Wait for SIGINT or SIGTERM and return its name. A second one ends the process at once."""
    asked = threading.Event()
    names: list[str] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if names:
            raise SystemExit(128 + number)
        names.append(signal.Signals(number).name)
        asked.set()

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    asked.wait()
    return names[0]


def drain_on_signal(worker: Worker) -> None:
    """Run a worker to its end: it drains at a signal, and stops what runs at a second one.

    Raises `CliError` when it ended by itself, as when the engine refused it: whatever runs the process may start it
    again, and it says the same until a person has changed something.
    """
    log = logging.getLogger("chronoverse")
    asked: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            worker.stop()
            return
        log.info("%s: draining; what runs goes on to its end, a second signal stops it", signal.Signals(number).name)
        worker.drain()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    worker.start()
    worker.join()
    if worker.failure is not None:
        message, _, hint = worker.failure.partition("\n  hint: ")
        raise CliError(message, hint)


def run_until_signal(node: Node) -> None:
    """Start the services, wait for a signal, stop them."""
    node.start()
    settle()
    try:
        name = wait_for_signal()
        logging.getLogger("chronoverse").info("%s: stopping", name)
    finally:
        node.stop()
