"""Sends log batches to the log writer and keeps each until it is confirmed.

Batches wait in memory up to `log_memory_bytes_max` an attempt, beyond that in files beside the attempt's record, up to
`log_spool_bytes_max`; then the attempt's sink is `full`. One thread flushes what waits and sends again what is not
confirmed.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.broker.interface import LOGS, BrokerError
from engine.broker.messages import LogBatch, LogConfirmed, encode
from engine.clock import Clock
from workers.config import WorkerConfig
from workers.link import Link
from workers.logs import AttemptLog
from workers.masking import Masks
from workers.spool import Batch, Entry

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    """One unconfirmed batch; `batch` is None when it rests in a file."""

    batch: Batch | None
    size: int
    position: str
    sent_at: float


@dataclass(slots=True)
class _Shipment:
    """One attempt's unconfirmed batches."""

    entry: Entry
    durable: bool
    on_done: Callable[[], None] | None = None
    waiting: dict[int, _Waiting] = field(default_factory=dict)
    memory_bytes: int = 0
    total_bytes: int = 0


class LogShipper:
    """Every attempt's batches. Any thread may call."""

    def __init__(self, link: Link, config: WorkerConfig, session: str, clock: Clock) -> None:
        self._link = link
        self._config = config
        self._session = session
        self._clock = clock
        self._condition = threading.Condition()
        self._shipments: dict[str, _Shipment] = {}
        self._dirty: set[AttemptLog] = set()
        self._closed = False
        self._resend_all = False
        self._thread = threading.Thread(target=self._work, name="log-shipper", daemon=True)

    def start(self) -> None:
        """Start the flushing thread."""
        self._thread.start()

    def open(self, entry: Entry, *, durable: bool, masks: Masks | None = None) -> AttemptLog:
        """Return the attempt's sink, which hides what `masks` hides.

        A durable one has each batch on disk before it is sent, for resuming.
        """
        record = entry.record
        with self._condition:
            shipment = self._shipments.setdefault(record.claim_id, _Shipment(entry, durable))
        sink = AttemptLog(
            clock=self._clock,
            line_bytes_max=self._config.log_line_bytes_max,
            bytes_max=self._config.log_bytes_max,
            ship=lambda batch: self._take(shipment, batch),
            dirty=self._mark,
            first_batch=max([record.log_batches, *shipment.waiting]) + 1,
            masks=masks,
        )
        sink.pause_when(lambda: shipment.total_bytes >= self._config.log_spool_bytes_max)
        return sink

    def adopt(self, entry: Entry) -> None:
        """Take over what an earlier process left unconfirmed: it is sent with the next look."""
        shipment = _Shipment(entry, durable=True)
        kept = ((number, entry.read_batch(number)) for number in entry.kept_batches())
        for batch in [*entry.record.batches, *(batch for _, batch in kept if batch is not None)]:
            self._add(shipment, batch, sent_at=0.0)
            if entry.record.finished is None:
                entry.record.log_position = batch.position or entry.record.log_position
        with self._condition:
            self._shipments[entry.record.claim_id] = shipment
            self._resend_all = True
            self._condition.notify_all()

    def end(self, sink: AttemptLog, claim_id: str) -> tuple[int, list[Batch]]:
        """Close the sink; return its number of batches and those unconfirmed that stand in no file."""
        count = sink.close()
        with self._condition:
            self._dirty.discard(sink)
            shipment = self._shipments[claim_id]
            return count, [it.batch for it in shipment.waiting.values() if it.batch is not None]

    def forget(self, claim_id: str) -> None:
        """Drop an attempt's batches: it is not this worker's any more."""
        with self._condition:
            shipment = self._shipments.pop(claim_id, None)
        if shipment is not None:
            for number in shipment.entry.kept_batches():
                shipment.entry.drop_batch(number, "")

    def when_done(self, claim_id: str, callback: Callable[[], None]) -> bool:
        """Call `callback` once when all batches are confirmed; return False (and forget) if they are already."""
        with self._condition:
            shipment = self._shipments.get(claim_id)
            if shipment is None or not shipment.waiting:
                self._shipments.pop(claim_id, None)
                return False
            shipment.on_done = callback
            return True

    def confirmed(self, message: LogConfirmed) -> None:
        """Forget a batch that the database has."""
        with self._condition:
            shipment = self._shipments.get(message.claim_id)
            waiting = shipment.waiting.pop(message.batch_no, None) if shipment else None
            if shipment is None or waiting is None:
                return
            shipment.total_bytes -= waiting.size
            shipment.memory_bytes -= waiting.size if waiting.batch is not None else 0
            done = shipment.on_done if not shipment.waiting else None
            if done is not None:
                del self._shipments[message.claim_id]
        if shipment.durable or waiting.batch is None:
            shipment.entry.drop_batch(message.batch_no, waiting.position)
        if done is not None:
            done()

    def resend(self) -> None:
        """Send everything unconfirmed again soon: the connection is new."""
        with self._condition:
            self._resend_all = True
            self._condition.notify_all()

    def close(self) -> None:
        """End the thread. What is unconfirmed stays in the spool. Idempotent."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _mark(self, sink: AttemptLog) -> None:
        with self._condition:
            if not self._dirty:
                self._condition.notify_all()
            self._dirty.add(sink)

    def _take(self, shipment: _Shipment, batch: Batch) -> None:
        self._add(shipment, batch, sent_at=time.monotonic())
        self._send(shipment, batch)

    def _add(self, shipment: _Shipment, batch: Batch, sent_at: float) -> None:
        size = len(batch.lines)
        with self._condition:
            in_memory = shipment.memory_bytes + size <= self._config.log_memory_bytes_max
            keep = in_memory and not (shipment.durable and shipment.entry.record.finished is None)
        keep = keep or not _kept(shipment.entry, batch)
        with self._condition:
            waiting = _Waiting(batch if keep else None, size, batch.position, sent_at)
            shipment.waiting[batch.number] = waiting
            shipment.total_bytes += size
            shipment.memory_bytes += size if keep else 0

    def _send(self, shipment: _Shipment, batch: Batch) -> None:
        record = shipment.entry.record
        try:
            message = LogBatch(
                attempt=record.attempt,
                claim_id=record.claim_id,
                session=self._session,
                reply_to=self._link.address,
                batch_no=batch.number,
                line_count=batch.line_count,
                lines=batch.lines,
            )
            self._link.publish(LOGS, encode(message))
        except BrokerError as error:
            log.debug("log batch %s/%d waits for the broker: %s", record.attempt, batch.number, error)

    def _work(self) -> None:
        while True:
            with self._condition:
                while not (self._dirty or self._resend_all or self._closed):
                    unconfirmed = any(shipment.waiting for shipment in self._shipments.values())
                    if not self._condition.wait(self._config.resend_seconds if unconfirmed else None):
                        break
                if self._closed:
                    return
                if self._dirty and not self._resend_all:
                    self._condition.wait_for(lambda: self._closed, self._config.log_flush_seconds)
                sinks, self._dirty = self._dirty, set()
            still_dirty = {sink for sink in sinks if sink.flush()}
            with self._condition:
                self._dirty |= still_dirty
            self._resend_due()

    def _resend_due(self) -> None:
        now = time.monotonic()
        with self._condition:
            everything, self._resend_all = self._resend_all, False
            due = [
                (shipment, number)
                for shipment in self._shipments.values()
                for number, waiting in sorted(shipment.waiting.items())
                if everything or now - waiting.sent_at >= self._config.resend_seconds
            ]
        for shipment, number in due:
            self._resend(shipment, number, now)

    def _resend(self, shipment: _Shipment, number: int, now: float) -> None:
        with self._condition:
            waiting = shipment.waiting.get(number)
            if waiting is None:
                return
            waiting.sent_at = now
        batch = waiting.batch or shipment.entry.read_batch(number)
        if batch is not None:
            self._send(shipment, batch)


def _kept(entry: Entry, batch: Batch) -> bool:
    """Write the batch to disk; return False if the disk does not take it, and memory must."""
    try:
        entry.keep_batch(batch)
    except OSError as error:
        log.error("a log batch of attempt %s stays in memory: %s", entry.record.attempt, error)
        return False
    return True
