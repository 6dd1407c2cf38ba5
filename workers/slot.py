"""A slot: one thread that takes an offer, claims it, and has the attempt carried out; then the next."""

import logging
import threading
from collections.abc import Callable

from engine.broker.interface import PARKED, Broker, BrokerError, Consumer, Delivery, tasks_queue
from engine.broker.messages import Grant, Offer, Refused, UnknownVersionError, UnreadableMessageError, decode
from engine.clock import NewId
from workers.carrier import Carrier
from workers.claims import Claims
from workers.config import WorkerConfig
from workers.offers import HeldOffer
from workers.spool import Entry, Record

log = logging.getLogger(__name__)

RETRY_SECONDS: float = 0.5
"""Pause before a broker that refused or went away is asked again."""


class Slot:
    """Serves one pool's queue with a consumer of its own, one attempt at a time."""

    def __init__(
        self,
        *,
        broker: Broker,
        pool: str,
        config: WorkerConfig,
        claims: Claims,
        carrier: Carrier,
        new_id: NewId,
        next_left: Callable[[], Entry | None],
    ) -> None:
        self._broker = broker
        self._pool = pool
        self._config = config
        self._claims = claims
        self._carrier = carrier
        self._new_id = new_id
        self._next_left = next_left
        self._ending = threading.Event()
        self._consumer: Consumer | None = None
        self._offer: HeldOffer | None = None
        self.thread = threading.Thread(target=self._work, name=f"slot-{pool}", daemon=True)

    def end(self) -> None:
        """Take no more offers; the attempt in hand goes on."""
        self._ending.set()
        consumer = self._consumer
        if consumer is not None:
            consumer.wake()

    def look(self, now: float) -> None:
        """Let a long attempt's offer go."""
        offer = self._offer
        if offer is not None:
            offer.look(now)

    def _work(self) -> None:
        while not self._ending.is_set() and (entry := self._next_left()) is not None:
            self._resume(entry)
        while not self._ending.is_set():
            try:
                self._consumer = self._broker.consume(tasks_queue(self._pool), prefetch=1)
                self._serve(self._consumer)
            except BrokerError as error:
                log.warning("pool %s is not served for the moment: %s", self._pool, error)
                self._ending.wait(RETRY_SECONDS)
            finally:
                if self._consumer is not None:
                    self._consumer.close()

    def _serve(self, consumer: Consumer) -> None:
        """Take offers until the slot ends or the consumer must be opened afresh."""
        while not self._ending.is_set():
            self._carrier.outbox.wait_for_room()
            if not self._carrier.outbox.has_room:
                continue
            deliveries = consumer.get(1, None)
            if self._ending.is_set():
                consumer.requeue(deliveries)
                return
            if not deliveries and not consumer.active:
                self._ending.wait(RETRY_SECONDS)
            if deliveries and not self._take(consumer, deliveries[0]):
                return

    def _take(self, consumer: Consumer, delivery: Delivery) -> bool:
        """Serve one delivery; return whether the consumer can go on."""
        try:
            offer = decode(delivery.body)
        except UnknownVersionError as error:
            log.error("an offer in pool %s is given back: %s", self._pool, error)
            consumer.requeue([delivery])
            self._ending.wait(RETRY_SECONDS)
            return True
        except UnreadableMessageError:
            offer = None
        if not isinstance(offer, Offer):
            log.error("a message in pool %s is no offer; it is parked", self._pool)
            self._broker.publish(PARKED, [delivery.body])
            consumer.ack([delivery])
            return True
        return self._claim(consumer, delivery, offer)

    def _claim(self, consumer: Consumer, delivery: Delivery, offer: Offer) -> bool:
        claim_id = self._new_id()
        self._carrier.held.add(offer.attempt, claim_id)
        match self._claims.ask(offer.attempt, claim_id):
            case Grant() as grant:
                self._offer = offer_held = HeldOffer(consumer, delivery, self._config.ack_hold_seconds)
                record = Record(attempt=grant.attempt, claim_id=claim_id, pool=self._pool, kind=grant.kind)
                try:
                    self._carry_out(grant, self._carrier.spool.entry(record), resumed=False)
                finally:
                    self._offer = None
                    offer_held.end()
                return True
            case Refused():
                self._carrier.held.drop(claim_id)
                consumer.ack([delivery])
                return True
            case _:
                self._carrier.held.drop(claim_id)
                return False

    def _resume(self, entry: Entry) -> None:
        """Go on with what an earlier process of this worker started."""
        record = entry.record
        match self._claims.ask(record.attempt, record.claim_id, resume=True):
            case Grant() as grant:
                self._carry_out(grant, entry, resumed=True)
            case _:
                self._carrier.give_up(entry)

    def _carry_out(self, grant: Grant, entry: Entry, *, resumed: bool) -> None:
        try:
            self._carrier.carry_out(grant, entry, resumed=resumed)
        except Exception:
            # A fault of ours must not cost a slot for good. The attempt is named no more, which makes it lost.
            log.exception("attempt %s was dropped", grant.attempt)
            self._carrier.held.drop(grant.claim_id)
