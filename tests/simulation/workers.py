"""Workers in simulated time that keep to the protocol: claim, run, finish, heartbeat; and may die at any moment."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.broker.interface import HEARTBEATS, tasks_queue
from engine.broker.messages import (
    Claim,
    Finished,
    Grant,
    Heartbeat,
    HeartbeatAnswer,
    HeldAttempt,
    Offer,
    Refused,
    Settled,
    Stop,
    decode,
    encode,
)
from engine.clock import Clock, NewId
from engine.services.wakes import queue_of
from tests.simulation.broker import SimulatedBroker


@dataclass(slots=True)
class Work:
    """One attempt in a slot: being claimed, running, or finished and not settled."""

    attempt: str
    claim_id: str
    stage: str = "claiming"
    sent_at: datetime | None = None
    ends_at: datetime | None = None
    result: Finished | None = None
    stopped: bool = False


@dataclass(slots=True)
class SimulatedWorker:
    """One worker process. `grants` collects every grant it was given, for the referee."""

    name: str
    broker: SimulatedBroker
    clock: Clock
    chance: random.Random
    ids: NewId
    slots: int = 3
    session: str = ""
    work: dict[str, Work] = field(default_factory=dict)
    sequence: int = 0
    beat_at: datetime | None = None
    answered: bool = False
    grants: list[tuple[str, str]] = field(default_factory=list)
    failing: float = 0.2

    def __post_init__(self) -> None:
        self.session = self.ids()

    @property
    def address(self) -> str:
        return f"reply.{self.session}"

    def die(self) -> None:
        """Lose everything in memory (there is no spool here) and start again as a new session."""
        self.session, self.work, self.sequence, self.beat_at, self.answered = self.ids(), {}, 0, None, False

    def act(self) -> None:
        """Do whatever is due: read answers, beat, take offers, end what has run, send again what is unanswered."""
        for letter in self.broker.ready(self.address):
            self._hear(self.broker.take(self.address, letter))
        now = self.clock()
        if self.beat_at is None or now - self.beat_at >= timedelta(seconds=2):
            self._beat(now)
        if self.answered:
            self._take_offers()
        for work in list(self.work.values()):
            self._go_on(work, now)

    def _hear(self, body: bytes) -> None:
        message = decode(body)
        if isinstance(message, HeartbeatAnswer):
            self.answered = self.answered or message.session == self.session
            for held in message.stop:
                self._stop(held.attempt, held.claim_id)
            return
        if isinstance(message, Stop):
            self._stop(message.attempt, message.claim_id)
            return
        assert isinstance(message, Grant | Refused | Settled)
        work = self.work.get(message.claim_id)
        if work is None or work.attempt != message.attempt:
            return
        if isinstance(message, Grant) and work.stage == "claiming":
            self.grants.append((message.attempt, message.claim_id))
            work.stage, work.ends_at = "running", self.clock() + timedelta(seconds=self.chance.uniform(0, 20))
        elif (isinstance(message, Refused) and work.stage == "claiming") or (
            isinstance(message, Settled) and work.stage == "finished"
        ):
            del self.work[work.claim_id]

    def _stop(self, attempt: str, claim_id: str) -> None:
        work = self.work.get(claim_id)
        if work is not None and work.attempt == attempt and work.stage == "running":
            work.stopped, work.ends_at = True, self.clock()

    def _take_offers(self) -> None:
        busy = sum(work.stage != "finished" for work in self.work.values())
        for letter in self.broker.ready(tasks_queue("default"))[: self.slots - busy]:
            offer = decode(self.broker.take(tasks_queue("default"), letter))
            assert isinstance(offer, Offer)
            claim_id = self.ids()
            self.work[claim_id] = Work(offer.attempt, claim_id)

    def _go_on(self, work: Work, now: datetime) -> None:
        if work.stage == "running" and work.ends_at is not None and now >= work.ends_at:
            work.stage, work.sent_at, work.result = "finished", None, self._result(work, now)
        if work.stage == "claiming" and (work.sent_at is None or now - work.sent_at >= timedelta(seconds=2)):
            work.sent_at = now
            claim = Claim(
                attempt=work.attempt,
                claim_id=work.claim_id,
                session=self.session,
                worker=self.name,
                reply_to=self.address,
            )
            self.broker.publish(queue_of(work.attempt[:36]), [encode(claim)])
        if work.result is not None and (work.sent_at is None or now - work.sent_at >= timedelta(seconds=5)):
            work.sent_at = now
            self.broker.publish(queue_of(work.attempt[:36]), [encode(work.result)])

    def _result(self, work: Work, now: datetime) -> Finished:
        failed = self.chance.random() < self.failing
        state = "cancelled" if work.stopped else "failed" if failed else "succeeded"
        return Finished(
            attempt=work.attempt,
            claim_id=work.claim_id,
            session=self.session,
            reply_to=self.address,
            state=state,
            reason="exit" if state == "failed" else None,
            exit_code=1 if state == "failed" else 0,
            outputs={"n": self.chance.randint(0, 3)} if state == "succeeded" else {},
            started_at=now,
            finished_at=now,
        )

    def _beat(self, now: datetime) -> None:
        self.beat_at = now
        held = [HeldAttempt(work.attempt, work.claim_id) for work in self.work.values()]
        beat = Heartbeat(
            session=self.session,
            worker=self.name,
            reply_to=self.address,
            pools=["default"],
            kinds=["run"],
            slots=self.slots,
            sequence=self.sequence,
            held=held,
        )
        self.sequence += 1
        self.broker.publish(HEARTBEATS, [encode(beat)])
