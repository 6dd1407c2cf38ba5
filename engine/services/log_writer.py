"""The log writer: log batches from the broker into the database, contiguous positions for each run."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from engine.broker.interface import LOGS, Broker, Delivery
from engine.broker.messages import LogBatch, LogConfirmed, UnknownVersionError, decode, encode
from engine.clock import Clock, system_clock
from engine.machine.model import parse_attempt
from engine.services.service import LoopService
from engine.store.database import Database
from engine.store.logs import NewBatch, append_batches
from engine.telemetry.instruments import LOG_LINES, LOG_WRITE_DURATION

log = logging.getLogger(__name__)

BATCHES_MAX = 200


class LogWriter(LoopService):
    """The loop on the log queue. `on_written` hears of runs with new lines, for those who follow them."""

    name = "log writer"

    def __init__(
        self,
        database: Database,
        broker: Broker,
        *,
        on_written: Callable[[Iterable[str]], None] = lambda _: None,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__()
        self._database = database
        self._broker = broker
        self._clock = clock
        self._on_written = on_written
        self._consumer = broker.consume(LOGS, prefetch=BATCHES_MAX)

    def stop(self) -> None:
        """End the loop."""
        super().stop()
        self._consumer.close()

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self._consumer.wake()

    def turn(self) -> None:
        """Write what has come."""
        deliveries = self._consumer.get(BATCHES_MAX, None)
        try:
            self.process(deliveries)
        except BaseException:
            self._consumer.requeue(deliveries)
            raise

    def process(self, deliveries: Sequence[Delivery]) -> None:
        """Write a batch of batches in one transaction, then confirm to the workers and acknowledge."""
        batches = [batch for delivery in deliveries if (batch := _readable(delivery)) is not None]
        if batches:
            begun = time.perf_counter()
            with self._database.write() as connection:
                append_batches(connection, [_row(batch) for batch in batches], self._clock())
            LOG_WRITE_DURATION.record(time.perf_counter() - begun)
            LOG_LINES.add(sum(batch.line_count for batch in batches))
            self._confirm(batches)
            self._on_written({parse_attempt(batch.attempt)[0] for batch in batches})
        self._consumer.ack(deliveries)

    def _confirm(self, batches: list[LogBatch]) -> None:
        by_address: dict[str, list[bytes]] = defaultdict(list)
        for batch in batches:
            confirmed = LogConfirmed(attempt=batch.attempt, claim_id=batch.claim_id, batch_no=batch.batch_no)
            by_address[batch.reply_to].append(encode(confirmed))
        for address, bodies in by_address.items():
            self._broker.reply(address, bodies)


def _readable(delivery: Delivery) -> LogBatch | None:
    try:
        message = decode(delivery.body)
        if isinstance(message, LogBatch):
            parse_attempt(message.attempt)
            return message
        log.error("a %s has no business among log batches and is dropped", type(message).__name__)
    except UnknownVersionError as error:
        log.error("a log batch of another version is dropped; the worker sends it again: %s", error)
    except ValueError as error:
        log.error("a log batch cannot be read and is dropped: %s", error)
    return None


def _row(batch: LogBatch) -> NewBatch:
    _, task_run_id, number = parse_attempt(batch.attempt)
    return NewBatch(task_run_id, number, batch.claim_id, batch.batch_no, batch.line_count, batch.lines)
