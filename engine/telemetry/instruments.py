"""Every instrument there is: the one table that code records into, and that docs and dashboards are checked against.

Names follow OpenTelemetry's conventions: `http.server.*`, `db.client.*` and `process.*` are its own
(https://opentelemetry.io/docs/specs/semconv), what it has no name for is under `chronoverse.*`.
"""

from typing import Final

from engine.telemetry.recording import Counter, Histogram, Instrument, Kind, Observed

LONG_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
"""Bounds for what users wait for: from an instant to a day."""

SHORT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
"""Bounds for what the platform itself does."""

HTTP_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The bounds that the conventions give for `http.server.request.duration`."""

BATCH: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500)

KIND: Final = "chronoverse.task.kind"
POOL: Final = "chronoverse.pool"
REASON: Final = "chronoverse.reason"
SOURCE: Final = "chronoverse.source"

# Runs, tasks, attempts: by the executor, once they are committed.

RUN_DURATION: Final = Histogram(
    "chronoverse.run.duration",
    "s",
    "How long runs took from their start to their end; its count is how many ended.",
    ("chronoverse.run.state", REASON),
    bounds=LONG_SECONDS,
)
RUN_WAIT: Final = Histogram(
    "chronoverse.run.wait",
    "s",
    "How long runs waited from their creation to their start.",
    ("chronoverse.trigger.kind",),
    bounds=LONG_SECONDS,
)
TASK_DURATION: Final = Histogram(
    "chronoverse.task.duration",
    "s",
    "How long tasks took from the start of their first attempt to their end; those that never started are not in it.",
    (KIND, "chronoverse.task.state", REASON),
    bounds=LONG_SECONDS,
)
ATTEMPT_DURATION: Final = Histogram(
    "chronoverse.attempt.duration",
    "s",
    "How long attempts took from the grant to their end, as the engine sees it.",
    (KIND, POOL, "chronoverse.attempt.state", REASON),
    bounds=LONG_SECONDS,
)
ATTEMPT_WAIT: Final = Histogram(
    "chronoverse.attempt.wait",
    "s",
    "How long attempts were queued before a worker was granted them.",
    (POOL,),
    bounds=LONG_SECONDS,
)

# The executor.

BATCH_SIZE: Final = Histogram(
    "chronoverse.executor.batch.size", "{event}", "How many messages an executor took at once.", bounds=BATCH
)
BATCH_DURATION: Final = Histogram(
    "chronoverse.executor.batch.duration",
    "s",
    "How long an executor took for one batch: read, decide, commit, publish.",
    bounds=SHORT_SECONDS,
)
CONFLICTS: Final = Counter(
    "chronoverse.executor.conflicts", "{run}", "Runs that somebody else had changed; they were loaded again."
)
PARKED_MESSAGES: Final = Counter(
    "chronoverse.executor.parked", "{message}", "Messages that nobody can read, set aside in the queue `parked`."
)

# Schedules.

LATENESS: Final = Histogram(
    "chronoverse.schedule.lateness",
    "s",
    "How long after its due time the run of a firing was committed.",
    bounds=SHORT_SECONDS,
)
FIRINGS: Final = Counter(
    "chronoverse.schedule.firings",
    "{firing}",
    "What became of nominal times.",
    ("chronoverse.firing.outcome",),
)

# Leases and sweeps.

LEASE_LOSSES: Final = Counter(
    "chronoverse.lease.losses",
    "{attempt}",
    "Attempts whose worker lost the right to them: its session `expired`, was `replaced` by a restart, `ended` with "
    "them in hand, or did not name them any more (`unlisted`).",
    ("chronoverse.lease.cause",),
)
SWEPT: Final = Observed(
    Kind.COUNTER,
    "chronoverse.sweep.found",
    "{item}",
    "What sweeps found that a message should have said; `stale_holders` must stay 0.",
    ("chronoverse.sweep",),
)

# Sync.

SYNC_DURATION: Final = Histogram(
    "chronoverse.sync.duration",
    "s",
    "How long syncs took, by what came of them: `applied`, `unchanged`, `rejected` (some of it or all), or `failed`.",
    (SOURCE, "chronoverse.sync.result"),
    bounds=SHORT_SECONDS,
)

# Logs of tasks.

LOG_LINES: Final = Counter("chronoverse.log.lines", "{line}", "Log lines of tasks written to the database.")
LOG_WRITE_DURATION: Final = Histogram(
    "chronoverse.log.write.duration", "s", "How long one transaction of log lines took.", bounds=SHORT_SECONDS
)

# The whole installation, as an engine process reads it from the database and the broker when it is asked.

RUNS_OPEN: Final = Observed(
    Kind.GAUGE,
    "chronoverse.run.open",
    "{run}",
    "Runs that have not ended, by state.",
    ("chronoverse.run.state",),
)
ATTEMPTS_QUEUED: Final = Observed(
    Kind.GAUGE, "chronoverse.pool.queued", "{attempt}", "Attempts that wait for a worker, by the database.", (POOL,)
)
QUEUE_DEPTH: Final = Observed(
    Kind.GAUGE,
    "chronoverse.pool.queue.depth",
    "{message}",
    "Offers that are ready in the broker's queue of the pool.",
    (POOL,),
)
POOL_SLOTS: Final = Observed(
    Kind.GAUGE, "chronoverse.pool.slots", "{slot}", "Slots of the live workers that serve the pool.", (POOL,)
)
WORKERS: Final = Observed(Kind.GAUGE, "chronoverse.pool.workers", "{worker}", "Live workers of the pool.", (POOL,))

# A worker.

WORKER_ATTEMPT_DURATION: Final = Histogram(
    "chronoverse.worker.attempt.duration",
    "s",
    "How long attempts took on this worker, from their grant to their result.",
    (KIND, "chronoverse.attempt.state", REASON),
    bounds=LONG_SECONDS,
)
CLAIM_DURATION: Final = Histogram(
    "chronoverse.worker.claim.duration",
    "s",
    "How long a worker's claims waited for the engine's answer.",
    ("chronoverse.claim.answer",),
    bounds=SHORT_SECONDS,
)
WORKER_SLOTS: Final = Observed(Kind.GAUGE, "chronoverse.worker.slots", "{slot}", "Slots of this worker.")
WORKER_HELD: Final = Observed(
    Kind.GAUGE,
    "chronoverse.worker.held",
    "{attempt}",
    "Attempts that this worker claims, runs, or has a result of that is not settled.",
)

# Any process.

HTTP_DURATION: Final = Histogram(
    "http.server.request.duration",
    "s",
    "How long requests to the API took, streams included.",
    ("http.request.method", "http.route", "http.response.status_code", "url.scheme"),
    bounds=HTTP_SECONDS,
)
CONNECTIONS: Final = Observed(
    Kind.UP_DOWN_COUNTER,
    "db.client.connection.count",
    "{connection}",
    "Connections of this process to the database, `idle` or `used`.",
    ("db.client.connection.pool.name", "db.client.connection.state"),
)
CONNECTIONS_MAX: Final = Observed(
    Kind.UP_DOWN_COUNTER,
    "db.client.connection.max",
    "{connection}",
    "How many connections this process may have.",
    ("db.client.connection.pool.name",),
)
BROKER_CONNECTED: Final = Observed(
    Kind.GAUGE, "chronoverse.broker.connected", "{connection}", "1 while the broker answers this process, else 0."
)
LOG_RECORDS: Final = Counter(
    "chronoverse.process.log.records",
    "{record}",
    "Records of this process's own log.",
    ("chronoverse.log.level",),
)
CPU_TIME: Final = Observed(Kind.COUNTER, "process.cpu.time", "s", "Processor time of this process.", ("cpu.mode",))
MEMORY: Final = Observed(
    Kind.UP_DOWN_COUNTER, "process.memory.usage", "By", "Memory of this process that is resident (Linux)."
)

INSTRUMENTS: Final[tuple[Instrument, ...]] = tuple(
    found for found in globals().values() if isinstance(found, Instrument)
)
"""All of them, in the order of this page."""
