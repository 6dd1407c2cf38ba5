"""The claim: asking the engine for the right to carry out an attempt, until it answers."""

import logging
import threading
import time
from queue import Empty, SimpleQueue

from engine.broker.interface import BrokerError
from engine.broker.messages import AnyMessage, Claim, Grant, Refused, encode
from workers.config import WorkerConfig
from workers.link import Link
from workers.outbox import events_queue_of
from workers.telemetry import count_claim

log = logging.getLogger(__name__)

Answer = Grant | Refused


class Claims:
    """Open claims. One thread a claim waits; the link's thread brings the answers."""

    def __init__(self, link: Link, config: WorkerConfig, session: str) -> None:
        self._link = link
        self._config = config
        self._session = session
        self._lock = threading.Lock()
        self._open: dict[str, SimpleQueue[Answer | None]] = {}
        self._abandoned = False

    def ask(self, attempt: str, claim_id: str, *, resume: bool = False) -> Answer | None:
        """Claim, repeating with the same id; return the answer, or None when given up or abandoned."""
        answers: SimpleQueue[Answer | None] = SimpleQueue()
        with self._lock:
            if self._abandoned:
                return None
            self._open[claim_id] = answers
        begun, answer = time.monotonic(), None
        try:
            answer = self._repeat(attempt, claim_id, answers, resume=resume)
            return answer
        finally:
            count_claim(time.monotonic() - begun, answer)
            with self._lock:
                del self._open[claim_id]

    def answered(self, message: AnyMessage) -> None:
        """Hand an answer to who waits for it; one that comes late or twice is dropped."""
        assert isinstance(message, Grant | Refused)
        with self._lock:
            answers = self._open.get(message.claim_id)
        if answers is not None:
            answers.put(message)

    def abandon(self) -> None:
        """Let every open claim, and each later one, return None."""
        with self._lock:
            self._abandoned = True
            for answers in self._open.values():
                answers.put(None)

    def _repeat(
        self, attempt: str, claim_id: str, answers: "SimpleQueue[Answer | None]", *, resume: bool
    ) -> Answer | None:
        give_up_at = time.monotonic() + self._config.claim_give_up_seconds
        pauses = self._config.claim_repeat_seconds
        tries = 0
        while (left := give_up_at - time.monotonic()) > 0:
            self._send(attempt, claim_id, resume=resume)
            try:
                return answers.get(timeout=min(left, pauses[min(tries, len(pauses) - 1)]))
            except Empty:
                tries += 1
        log.warning("the claim of %s was not answered for %g s", attempt, self._config.claim_give_up_seconds)
        return None

    def _send(self, attempt: str, claim_id: str, *, resume: bool) -> None:
        try:
            claim = Claim(
                attempt=attempt,
                claim_id=claim_id,
                session=self._session,
                worker=self._config.worker_id,
                reply_to=self._link.address,
                resume=resume,
            )
            self._link.publish(events_queue_of(attempt), encode(claim))
        except BrokerError as error:
            log.debug("the claim of %s waits for the broker: %s", attempt, error)
