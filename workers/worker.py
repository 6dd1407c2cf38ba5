"""The worker: slots that carry out attempts, a session that keeps the right to, and an orderly end."""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from engine.artifacts import Artifacts
from engine.broker.interface import Broker
from engine.broker.messages import (
    AnyMessage,
    Grant,
    HeartbeatAnswer,
    HeldAttempt,
    LogConfirmed,
    Refused,
    Settled,
    Stop,
)
from engine.clock import Clock, NewId, new_id, system_clock
from workers.artifacts import Limits
from workers.carrier import Carrier
from workers.checkouts import Checkouts
from workers.claims import Claims
from workers.config import WorkerConfig
from workers.handover import Handovers
from workers.held import Held
from workers.link import Link
from workers.log_shipper import LogShipper
from workers.outbox import Outbox
from workers.preparation import Preparation
from workers.recovery import recover
from workers.runners.interface import Runner
from workers.runners.registry import runners
from workers.session import Session
from workers.slot import Slot
from workers.spool import Entry, Spool
from workers.sweeper import Sweeper
from workers.telemetry import Gauges

log = logging.getLogger(__name__)

LOOK_SECONDS_MAX: float = 1.0


class Worker:
    """Takes attempts of its pools and carries them out.

    `start` returns at once; offers are taken as soon as the engine has answered the session's hello. Logs go over
    `log_broker`, a connection of their own, where one is given. `added_runners` win over the built-in ones.
    Raises `WorkerConfigError` for a configuration that cannot work here.
    """

    def __init__(
        self,
        broker: Broker,
        config: WorkerConfig,
        *,
        log_broker: Broker | None = None,
        added_runners: Sequence[Runner] = (),
        clock: Clock = system_clock,
        ids: NewId = new_id,
    ) -> None:
        self.session_id = ids()
        self.failure: str | None = None
        self._config = config
        self._ending = threading.Event()
        self._draining = False
        self._left: deque[Entry] = deque()
        self._runners = runners(config, added_runners)
        held = self._held = Held()
        self._link = Link(broker, "worker-link")
        self._log_link = Link(log_broker, "worker-log-link") if log_broker is not None else self._link
        spool = Spool(config.spool_dir)
        self._shipper = LogShipper(self._log_link, config, self.session_id, clock)
        self._outbox = Outbox(self._link, held, self._shipper, config, self.session_id)
        self._claims = Claims(self._link, config, self.session_id)
        self._session = Session(
            self._link, held, config, self.session_id, kinds=sorted(self._runners), on_refused=self._refused
        )
        self._carrier = Carrier(
            runners=self._runners,
            held=held,
            spool=spool,
            shipper=self._shipper,
            outbox=self._outbox,
            session=self._session,
            handovers=_handovers(config),
            clock=clock,
            worker_id=config.worker_id,
        )
        self._slots = [self._slot(broker, pool, ids) for pool in config.slot_pools()]
        self._preparation = Preparation(broker, config, self._runners, held)
        self._sweeper = Sweeper(self._runners, held, config.sweep_seconds)
        self._gauges = Gauges(config.slots, held)
        self._supervisor = threading.Thread(target=self._supervise, name="worker", daemon=True)
        self._route()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of tasks that this worker offers."""
        return tuple(sorted(self._runners))

    def start(self) -> None:
        """Take up what an earlier process left, say hello, and take offers."""
        reattached = self._recover()
        self._link.start()
        if self._log_link is not self._link:
            self._log_link.start()
        self._shipper.start()
        self._gauges.start()
        self._session.start(reattached)
        self._supervisor.start()

    def wait_ready(self, timeout_seconds: float) -> bool:
        """Wait until offers are taken; return whether that is so."""
        return self._session.wait_established(timeout_seconds)

    def drain(self) -> None:
        """Take no more offers; what runs goes on to its end, for a bounded time. Returns at once."""
        self._draining = True
        self._session.drain()
        self._ending.set()
        for slot in self._slots:
            slot.end()

    def stop(self) -> None:
        """Drain, and stop what runs: TERM, its grace, KILL. Returns at once."""
        self.drain()
        self._claims.abandon()
        self._held.end("lost")

    def join(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the worker has ended; return whether it has. `failure` then says why, if not on request."""
        self._supervisor.join(timeout_seconds)
        return not self._supervisor.is_alive()

    def _slot(self, broker: Broker, pool: str, ids: NewId) -> Slot:
        return Slot(
            broker=broker,
            pool=pool,
            config=self._config,
            claims=self._claims,
            carrier=self._carrier,
            new_id=ids,
            next_left=self._next_left,
        )

    def _route(self) -> None:
        for kind in (Grant, Refused):
            self._link.route(kind, self._claims.answered)
        self._link.route(HeartbeatAnswer, self._session.answered)
        self._link.route(Settled, self._settled)
        self._link.route(Stop, self._stop_one)
        self._log_link.route(LogConfirmed, self._log_confirmed)
        self._link.on_reconnect(self._outbox.resend)
        self._log_link.on_reconnect(self._shipper.resend)

    def _settled(self, message: AnyMessage) -> None:
        assert isinstance(message, Settled)
        self._outbox.settled(message)

    def _stop_one(self, message: AnyMessage) -> None:
        assert isinstance(message, Stop)
        self._held.stop(message.claim_id, message.reason, force=message.force)

    def _log_confirmed(self, message: AnyMessage) -> None:
        assert isinstance(message, LogConfirmed)
        self._shipper.confirmed(message)

    def _refused(self, reason: str) -> None:
        self.failure = f"the engine refused this worker's session: {reason}"
        log.error("%s", self.failure)
        self._ending.set()

    def _recover(self) -> list[HeldAttempt]:
        return recover(self._carrier, self._left)

    def _next_left(self) -> Entry | None:
        try:
            return self._left.popleft()
        except IndexError:
            return None

    def _supervise(self) -> None:
        if self._wait_established():
            self._serve()
        if self.failure is not None:
            self.drain()
            self._claims.abandon()
            self._held.end("lost", force=True)
        self._finish()

    def _wait_established(self) -> bool:
        while not self._ending.is_set():
            if self._session.wait_established(LOOK_SECONDS_MAX):
                return True
        return False

    def _serve(self) -> None:
        self._preparation.start()
        self._sweeper.start()
        for slot in self._slots:
            slot.thread.start()
        self._outbox.look()
        interval = min(LOOK_SECONDS_MAX, self._config.ack_hold_seconds / 4, self._config.resend_seconds / 4)
        while not self._ending.wait(interval):
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        self._outbox.look()
        for slot in self._slots:
            slot.look(now)

    def _finish(self) -> None:
        """Wait for the slots, for the engine to settle what they left, and say goodbye if nothing is held."""
        stop_at = time.monotonic() + self._config.drain_seconds_max
        started = [slot.thread for slot in self._slots if slot.thread.ident is not None]
        while any(thread.is_alive() for thread in started):
            next(thread for thread in started if thread.is_alive()).join(0.1)
            self._look()
            if time.monotonic() >= stop_at:
                self.stop()
        self._outbox.look()
        settled = self.failure is None and self._held.wait_empty(self._config.goodbye_wait_seconds)
        self._session.close(goodbye=settled)
        self._gauges.stop()
        self._preparation.close()
        self._sweeper.close()
        self._shipper.close()
        for runner in set(self._runners.values()):
            runner.close()
        self._link.close()
        self._log_link.close()


def _handovers(config: WorkerConfig) -> Handovers:
    artifacts = Artifacts(config.artifacts_url)
    checkouts = Checkouts(config.checkouts_dir, artifacts, config.checkout_bytes_max)
    return Handovers(config.handed_dir, artifacts, Limits(bytes_max=config.artifact_bytes_max), checkouts)
