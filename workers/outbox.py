"""Results on their way: each is sent until the engine says that it is settled."""

import logging
import threading
import time
from dataclasses import dataclass
from zlib import crc32

from msgspec.structs import replace

from engine.broker.interface import EVENT_QUEUES, BrokerError, events_queue
from engine.broker.messages import Finished, Settled, encode
from workers.config import WorkerConfig
from workers.held import Held
from workers.link import Link
from workers.log_shipper import LogShipper
from workers.spool import Batch, Entry

log = logging.getLogger(__name__)


def events_queue_of(attempt: str) -> str:
    """Return the queue on which the engine hears of this attempt's run."""
    return events_queue(crc32(attempt[:36].encode()) % EVENT_QUEUES)


@dataclass(slots=True)
class _Unsettled:
    entry: Entry
    finished: Finished
    sent_at: float


class Outbox:
    """Unsettled results. Any thread may call."""

    def __init__(self, link: Link, held: Held, shipper: LogShipper, config: WorkerConfig, session: str) -> None:
        self._link = link
        self._held = held
        self._shipper = shipper
        self._config = config
        self._session = session
        self._condition = threading.Condition()
        self._unsettled: dict[str, _Unsettled] = {}
        self._kept = 0
        self._resend_all = False

    def send(self, entry: Entry, finished: Finished, batches: list[Batch]) -> None:
        """Send a result and keep it on disk, in that order: the engine may as well start while it is written.

        Whoever acknowledges the offer does so afterwards, so one of offer, spool and engine always has the attempt.
        """
        finished = replace(finished, session=self._session)
        with self._condition:
            self._unsettled[finished.claim_id] = _Unsettled(entry, finished, time.monotonic())
            self._kept += 1
        self._publish(finished)
        entry.finish(finished, batches)

    def adopt(self, entry: Entry, finished: Finished) -> None:
        """Take over a result that an earlier process left; it goes out with the next look."""
        with self._condition:
            self._unsettled[finished.claim_id] = _Unsettled(entry, finished, 0.0)
            self._kept += 1

    def settled(self, message: Settled) -> None:
        """Forget the result; its record goes when its log is confirmed too."""
        with self._condition:
            unsettled = self._unsettled.pop(message.claim_id, None)
        if unsettled is None:
            return
        self._held.drop(message.claim_id)
        self.release(unsettled.entry)

    def release(self, entry: Entry) -> None:
        """Remove the record of a settled attempt as soon as its log is confirmed."""
        if self._shipper.when_done(entry.record.claim_id, lambda: self._forget(entry)):
            entry.settle()
        else:
            self._forget(entry)

    def resend(self) -> None:
        """Send everything again with the next look: the connection is new."""
        self._resend_all = True

    def look(self) -> None:
        """Send again what is due."""
        now = time.monotonic()
        everything, self._resend_all = self._resend_all, False
        with self._condition:
            due = [
                it
                for it in self._unsettled.values()
                if everything or now - it.sent_at >= self._config.resend_seconds or it.sent_at == 0.0
            ]
            for it in due:
                it.sent_at = now
        for it in due:
            self._publish(it.finished)

    def wait_for_room(self) -> None:
        """Wait while too many results are kept."""
        if self._kept >= self._config.outstanding_max:
            with self._condition:
                self._condition.wait_for(lambda: self._kept < self._config.outstanding_max, self._config.resend_seconds)

    @property
    def has_room(self) -> bool:
        """Whether another attempt may be taken."""
        return self._kept < self._config.outstanding_max

    def _forget(self, entry: Entry) -> None:
        entry.remove()
        with self._condition:
            self._kept -= 1
            self._condition.notify_all()

    def _publish(self, finished: Finished) -> None:
        try:
            message = replace(finished, session=self._session, reply_to=self._link.address)
            self._link.publish(events_queue_of(finished.attempt), encode(message))
        except BrokerError as error:
            log.debug("the result of %s waits for the broker: %s", finished.attempt, error)
