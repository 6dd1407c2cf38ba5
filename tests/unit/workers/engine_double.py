"""A small engine for worker tests: it grants, settles and confirms over a real broker, as a test tells it to."""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from engine.broker.interface import EVENT_QUEUES, HEARTBEATS, LOGS, Broker, Consumer, events_queue, tasks_queue
from engine.broker.logs import LogLine, unpack
from engine.broker.messages import (
    AnyMessage,
    Claim,
    Finished,
    Goodbye,
    Grant,
    Heartbeat,
    HeartbeatAnswer,
    HeldAttempt,
    LogBatch,
    LogConfirmed,
    Offer,
    Prepared,
    Refused,
    Settled,
    Stop,
    decode,
    encode,
)
from engine.clock import new_id

WAIT_SECONDS = 20.0


class EngineDouble:
    """Answers every message in the way of the protocol; each kind of answer can be switched off."""

    def __init__(self, broker: Broker, pools: tuple[str, ...] = ("default",)) -> None:
        self.broker = broker
        broker.declare(pools)
        self.condition = threading.Condition()
        self.grants: dict[str, Grant] = {}
        self.claims: list[Claim] = []
        self.granted: dict[str, Claim] = {}
        self.finished: dict[str, Finished] = {}
        self.finished_count: dict[str, int] = defaultdict(int)
        self.batches: dict[str, dict[int, LogBatch]] = defaultdict(dict)
        self.heartbeats: list[Heartbeat] = []
        self.goodbyes: list[Goodbye] = []
        self.prepared: list[Prepared] = []
        self.answer_claims = self.settle = self.confirm_logs = self.answer_heartbeats = True
        self.refuse_sessions = ""
        self.stops: list[HeldAttempt] = []
        self.ttl_seconds = 7.0
        self._closed = False
        queues = [events_queue(n) for n in range(EVENT_QUEUES)] + [HEARTBEATS, LOGS]
        self._handlers: dict[type, Callable[[Any], None]] = {
            Claim: self._claim,
            Finished: self._finish,
            Heartbeat: self._heartbeat,
            Goodbye: self.goodbyes.append,
            LogBatch: self._log_batch,
            Prepared: self.prepared.append,
        }
        self._consumers = [broker.consume(queue, prefetch=100) for queue in queues]
        self._threads = [threading.Thread(target=self._serve, args=(it,), daemon=True) for it in self._consumers]
        for thread in self._threads:
            thread.start()

    def offer(self, kind: str, spec: dict[str, Any], pool: str = "default", **more: Any) -> str:
        """Put an attempt up; return its name."""
        name = f"{new_id()}-1:1"
        more.setdefault("env", {})
        more.setdefault("grace_seconds", 5.0)
        self.grants[name] = Grant(attempt=name, claim_id="", kind=kind, spec=spec, **more)
        self.offer_again(name, pool)
        return name

    def offer_again(self, name: str, pool: str = "default") -> None:
        self.broker.publish(tasks_queue(pool), [encode(Offer(attempt=name))])

    def wait(self, condition: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
        """Wait until something heard makes the condition true, and return its value."""
        with self.condition:
            value = self.condition.wait_for(condition, seconds)
        assert value, "the worker did not do it in time"
        return value

    def result(self, name: str) -> Finished:
        """Wait for the attempt's result."""
        self.wait(lambda: name in self.finished)
        return self.finished[name]

    def log(self, name: str) -> list[LogLine]:
        """Wait for the whole log of an ended attempt and return it."""
        count = self.result(name).log_batches
        self.wait(lambda: len(self.batches[name]) == count)
        return [line for _, batch in sorted(self.batches[name].items()) for line in unpack(batch.lines)]

    def stop(self, name: str, reason: str = "cancelled_by_user", *, force: bool = False) -> None:
        """Push a stop."""
        claim = self.granted[name]
        stop = Stop(attempt=name, claim_id=claim.claim_id, reason=reason, force=force)
        self.broker.reply(claim.reply_to, [encode(stop)])

    def close(self) -> None:
        self._closed = True
        for consumer in self._consumers:
            consumer.close()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)

    def _serve(self, consumer: Consumer) -> None:
        while not self._closed:
            for delivery in consumer.get(100, None):
                message: AnyMessage = decode(delivery.body)
                with self.condition:
                    self._handlers[type(message)](message)
                    self.condition.notify_all()
                consumer.ack([delivery])

    def _claim(self, claim: Claim) -> None:
        self.claims.append(claim)
        if not self.answer_claims:
            return
        held = self.granted.get(claim.attempt)
        answer: Grant | Refused
        if claim.attempt in self.finished:
            answer = Refused(attempt=claim.attempt, claim_id=claim.claim_id, reason="ended")
        elif held is not None and held.claim_id != claim.claim_id:
            answer = Refused(attempt=claim.attempt, claim_id=claim.claim_id, reason="held")
        else:
            self.granted[claim.attempt] = claim
            grant = self.grants[claim.attempt]
            fields = {name: getattr(grant, name) for name in grant.__struct_fields__}
            answer = Grant(**{**fields, "claim_id": claim.claim_id})
        self.broker.reply(claim.reply_to, [encode(answer)])

    def _finish(self, finished: Finished) -> None:
        self.finished.setdefault(finished.attempt, finished)
        self.finished_count[finished.attempt] += 1
        if self.settle:
            settled = Settled(attempt=finished.attempt, claim_id=finished.claim_id)
            self.broker.reply(finished.reply_to, [encode(settled)])

    def _heartbeat(self, heartbeat: Heartbeat) -> None:
        self.heartbeats.append(heartbeat)
        if not self.answer_heartbeats:
            return
        answer = HeartbeatAnswer(
            session=heartbeat.session,
            sequence=heartbeat.sequence,
            ttl_seconds=self.ttl_seconds,
            stop=self.stops,
            refused=self.refuse_sessions,
        )
        self.broker.reply(heartbeat.reply_to, [encode(answer)])

    def _log_batch(self, batch: LogBatch) -> None:
        self.batches[batch.attempt][batch.batch_no] = batch
        if self.confirm_logs:
            confirmed = LogConfirmed(attempt=batch.attempt, claim_id=batch.claim_id, batch_no=batch.batch_no)
            self.broker.reply(batch.reply_to, [encode(confirmed)])
