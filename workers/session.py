"""The worker's session: heartbeats that renew its lease, and what follows when they stay unanswered.

The lease is measured on the monotonic clock from the sending of the last heartbeat that was answered, so it never looks
longer here than to the engine.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.broker.interface import HEARTBEATS, BrokerError
from engine.broker.messages import AnyMessage, Goodbye, Heartbeat, HeartbeatAnswer, HeldAttempt, encode
from workers.config import WorkerConfig
from workers.held import Held
from workers.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

FENCE_MARGIN_SECONDS: float = 1.0
FENCE_MARGIN_SHARE: float = 0.2
"""Of a ttl so short that the margin would eat it up."""
SENT_MAX: int = 64


class Session:
    """One process start of a worker, to the engine. `on_refused` is called, once, when it must end."""

    def __init__(
        self,
        link: Link,
        held: Held,
        config: WorkerConfig,
        session_id: str,
        *,
        kinds: Sequence[str],
        on_refused: "Callable[[str], None]",
    ) -> None:
        self._link = link
        self._held = held
        self._config = config
        self._id = session_id
        self._kinds = list(kinds)
        self._on_refused = on_refused
        self._condition = threading.Condition()
        self._reattached: list[HeldAttempt] = []
        self._sequence = 0
        self._sent: dict[int, float] = {}
        self._answered_at: float | None = None
        self._ttl_seconds = config.ttl_seconds
        self._refused = False
        self._draining = False
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="session", daemon=True)

    def start(self, reattached: Sequence[HeldAttempt]) -> None:
        """Say hello, naming what an earlier process of this worker left and this one goes on with."""
        self._reattached = list(reattached)
        self._thread.start()

    def wait_established(self, timeout_seconds: float | None) -> bool:
        """Wait for the answer to the hello; return whether the session stands."""
        with self._condition:
            self._condition.wait_for(lambda: self._answered_at or self._refused or self._closed, timeout_seconds)
            return self._answered_at is not None and not self._refused

    @property
    def fresh(self) -> bool:
        """Whether a fenced attempt may run: the lease is known to hold."""
        return time.monotonic() < self._fence_at()

    def answered(self, message: AnyMessage) -> None:
        """Take a heartbeat's answer: the lease, and what to stop."""
        assert isinstance(message, HeartbeatAnswer)
        if message.session != self._id:
            return
        if message.refused:
            self._refuse(message.refused)
            return
        with self._condition:
            sent_at = self._sent.pop(message.sequence, None)
            if sent_at is not None:
                self._answered_at = max(sent_at, self._answered_at or sent_at)
                self._ttl_seconds = message.ttl_seconds
                self._condition.notify_all()
        for attempt in message.stop:
            self._held.stop(attempt.claim_id, "")

    def drain(self) -> None:
        """Say with the next heartbeat that no offers are taken."""
        self._draining = True

    def close(self, *, goodbye: bool) -> None:
        """End the heartbeats, and the session too with `goodbye`. Idempotent."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        if goodbye:
            self._publish(encode(Goodbye(session=self._id)))

    def _refuse(self, reason: str) -> None:
        with self._condition:
            first, self._refused = not self._refused, True
            self._condition.notify_all()
        if first:
            self._on_refused(reason)

    def _work(self) -> None:
        next_at = time.monotonic()
        while not (self._closed or self._refused):
            now = time.monotonic()
            if now >= next_at:
                self._beat(now)
                next_at = max(next_at + self._config.heartbeat_seconds, now)
            self._enforce(time.monotonic())
            with self._condition:
                if not self._closed:
                    self._condition.wait(max(0.0, self._next_look(next_at) - time.monotonic()))

    def _next_look(self, next_beat_at: float) -> float:
        fence_at = self._fence_at()
        return min(next_beat_at, fence_at) if fence_at > time.monotonic() else next_beat_at

    def _fence_at(self) -> float:
        margin = min(FENCE_MARGIN_SECONDS, FENCE_MARGIN_SHARE * self._ttl_seconds)
        return (self._answered_at or 0.0) + self._ttl_seconds - margin

    def _enforce(self, now: float) -> None:
        """Stop what may not run without a lease."""
        answered_at = self._answered_at
        if answered_at is None:
            return
        if now >= self._fence_at():
            self._held.stop_all("lost", force=True, fenced_only=True)
        if now - answered_at >= self._config.orphan_seconds:
            self._held.stop_all("lost")

    def _beat(self, now: float) -> None:
        self._sequence += 1
        with self._condition:
            self._sent[self._sequence] = now
            while len(self._sent) > SENT_MAX:
                del self._sent[next(iter(self._sent))]
        try:
            address = self._link.address
        except BrokerError as error:
            log.debug("heartbeat %d was not sent: %s", self._sequence, error)
            return
        message = Heartbeat(
            session=self._id,
            worker=self._config.worker_id,
            reply_to=address,
            host=self._config.host,
            pools=list(self._config.pools),
            kinds=self._kinds,
            slots=self._config.slots,
            sequence=self._sequence,
            held=self._held.listed(),
            reattached=[] if self._answered_at else self._reattached,
            draining=self._draining,
        )
        self._publish(encode(message))

    def _publish(self, body: bytes) -> None:
        try:
            self._link.publish(HEARTBEATS, body)
        except BrokerError as error:
            log.debug("not sent to the lease keeper: %s", error)
