"""What metrics ask for when they are read: the whole installation (an engine process), and this process."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

from engine.broker.interface import Broker, BrokerError, tasks_queue
from engine.services.sweeper import Found
from engine.store.database import Database
from engine.store.reads_gauges import Capacity, connections, open_runs, pool_capacity
from engine.store.sweeps import queued_by_pool
from engine.telemetry import instruments
from engine.telemetry.recording import Observed, Read, Values

T = TypeVar("T")

FRESH_SECONDS: Final = 2.0
"""How long an answer of the database or the broker serves further readings, of other instruments and other readers."""

Readings = Iterator[tuple[float, Values]]


class Gauges:
    """Sources of observed instruments, asked while the process runs. `start` and `stop` as of a service."""

    name = "metrics"
    fault = ""

    def __init__(self, sources: Sequence[tuple[Observed, Read]]) -> None:
        self._sources = sources
        self._ends: list[Callable[[], None]] = []

    def start(self) -> None:
        """Have the sources asked from now on."""
        self._ends = [instrument.observe(read) for instrument, read in self._sources]

    def stop(self) -> None:
        """Have them asked no more. Idempotent."""
        while self._ends:
            self._ends.pop()()


def of_installation(database: Database, broker: Broker, pools: Sequence[str], found: Found) -> Gauges:
    """Return what an engine process knows of the whole installation. `found` is what its sweeper counts."""
    counts = Fresh(lambda: _counts(database))

    def depths() -> Readings:
        for pool in sorted({*pools, *counts().queued, *counts().capacity}):
            try:
                yield broker.depth(tasks_queue(pool)), (pool,)
            except BrokerError:
                return  # that it does not answer is another gauge's to say

    return Gauges(
        [
            (instruments.RUNS_OPEN, lambda: ((number, (state,)) for state, number in counts().runs.items())),
            (instruments.ATTEMPTS_QUEUED, lambda: _by_pool(counts(), pools, counts().queued)),
            (instruments.POOL_SLOTS, lambda: _by_pool(counts(), pools, counts().slots)),
            (instruments.WORKERS, lambda: _by_pool(counts(), pools, counts().workers)),
            (instruments.QUEUE_DEPTH, Fresh(lambda: list(depths()))),
            (instruments.SWEPT, lambda: _swept(found)),
        ]
    )


def of_process(broker: Broker, database: Database | None) -> Gauges:
    """Return what every process knows of itself. `database` is None in a worker of its own."""
    sources: list[tuple[Observed, Read]] = [
        (instruments.BROKER_CONNECTED, lambda: [(float(broker.connected), ())]),
        (instruments.CPU_TIME, _cpu_seconds),
        (instruments.MEMORY, _resident_bytes),
    ]
    if database is not None:
        sources += [
            (instruments.CONNECTIONS, lambda: _connections(database)),
            (instruments.CONNECTIONS_MAX, lambda: _connections_max(database)),
        ]
    return Gauges(sources)


class Fresh(Generic[T]):
    """Asks again only when the last answer is `FRESH_SECONDS` old. One caller asks, the others wait for the answer."""

    def __init__(self, read: Callable[[], T], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._answer: tuple[float, T] | None = None

    def __call__(self) -> T:
        """Return an answer that is fresh. Raises what asking raises."""
        with self._lock:
            now = self._monotonic()
            if self._answer is None or now - self._answer[0] >= FRESH_SECONDS:
                self._answer = (now, self._read())
            return self._answer[1]


class _Counts:
    def __init__(self, runs: dict[str, int], queued: dict[str, int], capacity: dict[str, Capacity]) -> None:
        self.runs = runs
        self.queued = queued
        self.capacity = capacity
        self.slots = {pool: found.slots for pool, found in capacity.items()}
        self.workers = {pool: found.workers for pool, found in capacity.items()}


def _counts(database: Database) -> _Counts:
    with database.read() as connection:
        runs = {str(state): number for state, number in open_runs(connection).items()}
        return _Counts(runs, queued_by_pool(connection), pool_capacity(connection))


def _by_pool(counts: _Counts, pools: Sequence[str], found: dict[str, int]) -> Readings:
    """Give a number for every pool that anybody knows of: none waiting is 0, not nothing."""
    for pool in sorted({*pools, *counts.queued, *counts.capacity}):
        yield found.get(pool, 0), (pool,)


def _swept(found: Found) -> Readings:
    for name in ("unsent", "short", "woken", "orphaned", "overdue", "stale_holders", "room"):
        yield getattr(found, name), (name,)


def _connections(database: Database) -> Readings:
    if (found := connections(database)) is not None:
        yield found.idle, (database.dialect, "idle")
        yield found.used, (database.dialect, "used")


def _connections_max(database: Database) -> Readings:
    if (found := connections(database)) is not None:
        yield found.most, (database.dialect,)


def _cpu_seconds() -> Readings:
    times = os.times()
    yield times.user, ("user",)
    yield times.system, ("system",)


def _resident_bytes() -> Readings:
    statm = Path("/proc/self/statm")
    if statm.exists():
        yield int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE"), ()
