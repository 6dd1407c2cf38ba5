"""The lease keeper: renews sessions by their heartbeats, and finds what was lost.

A worker's session holds the lease of all its attempts. What the database has running and two successive lists of the
session lack is lost; what a list has and the database has not is answered with a stop.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from engine.broker.interface import HEARTBEATS, Broker, Delivery
from engine.broker.messages import (
    Canary as CanaryMessage,
)
from engine.broker.messages import (
    Goodbye,
    Heartbeat,
    HeartbeatAnswer,
    HeldAttempt,
    Prepared,
    UnknownVersionError,
    decode,
    encode,
)
from engine.clock import Clock, NewId, new_id, system_clock
from engine.services.canary import Canary
from engine.services.service import LoopService
from engine.services.wakes import wake
from engine.store import sessions
from engine.store.database import Database
from engine.store.readiness import set_ready
from engine.telemetry.instruments import LEASE_LOSSES

log = logging.getLogger(__name__)

HEARTBEATS_MAX = 500


class LeaseKeeper(LoopService):
    """The loop on the heartbeat queue; one is active at a time, the others stand by."""

    name = "lease keeper"

    def __init__(
        self,
        database: Database,
        broker: Broker,
        *,
        heartbeat_seconds: float = 2.0,
        ttl_seconds: float = 7.0,
        pool_kinds: Mapping[str, Collection[str]] | None = None,
        clock: Clock = system_clock,
        ids: NewId = new_id,
    ) -> None:
        super().__init__()
        self._database = database
        self._broker = broker
        self._clock = clock
        self._ttl = timedelta(seconds=ttl_seconds)
        self._pool_kinds = pool_kinds or {}
        self._keeper = ids()
        self._canary = Canary(timedelta(seconds=heartbeat_seconds), self._ttl)
        self._missed: dict[str, frozenset[HeldAttempt]] = {}
        self._consumer = broker.consume(HEARTBEATS, prefetch=HEARTBEATS_MAX)

    def stop(self) -> None:
        """End the loop."""
        super().stop()
        self._consumer.close()

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self._consumer.wake()

    def turn(self) -> None:
        """Take what has come, answer it, send the canary, and end what has run out."""
        now = self._clock()
        patience = max((self._canary.next_at(now) - now).total_seconds(), 0.0)
        deliveries = self._consumer.get(HEARTBEATS_MAX, patience)
        self.process(deliveries)
        self.tick()

    def tick(self) -> None:
        """Send the canary when it is due; expire sessions while the path is proved."""
        now = self._clock()
        if now < self._canary.next_at(now):
            return
        self._broker.publish(HEARTBEATS, [encode(CanaryMessage(keeper=self._keeper, sequence=self._canary.send(now)))])
        if self._canary.proved(now):
            self._expire()

    def process(self, deliveries: Sequence[Delivery]) -> None:
        """Apply a batch in one transaction, then answer and acknowledge."""
        beats: dict[str, Heartbeat] = {}
        for delivery in deliveries:
            self._sort(delivery, beats)
        welcome = [beat for beat in beats.values() if not self._refused(beat)]
        if welcome:
            self._answer(welcome)
        self._consumer.ack(deliveries)

    def _sort(self, delivery: Delivery, beats: dict[str, Heartbeat]) -> None:
        try:
            message = decode(delivery.body)
        except UnknownVersionError as error:
            log.error("a heartbeat of another version is dropped: %s", error)
            return
        except ValueError as error:
            log.error("a heartbeat cannot be read and is dropped: %s", error)
            return
        match message:
            case Heartbeat():
                earlier = beats.get(message.session)
                if earlier is None or earlier.sequence < message.sequence:
                    beats[message.session] = message
            case CanaryMessage() if message.keeper == self._keeper:
                self._canary.back(message.sequence, self._clock())
            case Goodbye():
                self._end(message.session)
            case Prepared():
                with self._database.write() as connection:
                    set_ready(connection, message.revision_id, message.image, message.worker, message.error)
            case _:
                pass

    def _refused(self, beat: Heartbeat) -> bool:
        """Refuse a hello of a worker that lacks a kind of its pools; whoever has a session keeps it."""
        missing = missing_kinds(beat.pools, beat.kinds, self._pool_kinds)
        if not missing:
            return False
        with self._database.read() as connection:
            if sessions.is_live(connection, beat.session):
                return False
        log.warning("worker %s is refused: %s", beat.worker, missing.partition("\n")[0])
        refusal = HeartbeatAnswer(
            session=beat.session, sequence=beat.sequence, ttl_seconds=self._ttl.total_seconds(), refused=missing
        )
        self._broker.reply(beat.reply_to, [encode(refusal)])
        return True

    def _answer(self, beats: list[Heartbeat]) -> None:
        now = self._database.now()
        with self._database.write() as connection:
            rows = [_row(beat) for beat in beats]
            ended = sessions.renew(connection, rows, now, self._ttl)
            running, listed = sessions.attempts_of(connection, rows)
            missing = self._missing(beats, running)
            woken = sessions.signal_lost(connection, [*ended, *missing], now)
        LEASE_LOSSES.add(len(ended), "replaced")
        LEASE_LOSSES.add(len(missing), "unlisted")
        wake(self._broker, woken)
        for beat in beats:
            answer = HeartbeatAnswer(
                session=beat.session,
                sequence=beat.sequence,
                ttl_seconds=self._ttl.total_seconds(),
                stop=[held for held in beat.held if _stopped(held, listed)],
            )
            self._broker.reply(beat.reply_to, [encode(answer)])

    def _missing(
        self, beats: list[Heartbeat], running: dict[str, list[sessions.RunningAttempt]]
    ) -> list[sessions.RunningAttempt]:
        """Return what two successive lists of a session lack."""
        lost = []
        for beat in beats:
            held = set(beat.held)
            absent = {HeldAttempt(row.name, row.claim_id): row for row in running.get(beat.session, ())}
            absent = {key: row for key, row in absent.items() if key not in held}
            before = self._missed.get(beat.session, frozenset())
            lost += [row for key, row in absent.items() if key in before]
            self._missed[beat.session] = frozenset(absent)
        return lost

    def _end(self, session: str) -> None:
        self._missed.pop(session, None)
        now = self._database.now()
        with self._database.write() as connection:
            ended = sessions.leave(connection, session, now)
            woken = sessions.signal_lost(connection, ended, now)
        LEASE_LOSSES.add(len(ended), "ended")
        wake(self._broker, woken)

    def _expire(self) -> None:
        now = self._database.now()
        with self._database.write() as connection:
            expired = sessions.expire(connection, now)
            woken = sessions.signal_lost(connection, expired, now)
        LEASE_LOSSES.add(len(expired), "expired")
        for row in expired:
            log.warning("session %s of worker %s ran out", row.session, row.worker)
        wake(self._broker, woken)


def missing_kinds(pools: Collection[str], kinds: Collection[str], pool_kinds: Mapping[str, Collection[str]]) -> str:
    """Say which kinds the pools promise and a worker of these kinds does not serve; nothing if it serves all."""
    lacking = {pool: sorted(set(pool_kinds.get(pool, ())) - set(kinds)) for pool in sorted(pools)}
    listed = ", ".join(f"{pool} ({', '.join(found)})" for pool, found in lacking.items() if found)
    if not listed:
        return ""
    return (
        f"it does not serve every kind of its pools; missing: {listed}\n"
        "  hint: make these kinds work on its host, give it other pools with CHRONOVERSE_POOLS, or change what the "
        "engine's CHRONOVERSE_POOL_KINDS promises"
    )


def _row(beat: Heartbeat) -> sessions.Beat:
    return sessions.Beat(
        session=beat.session,
        worker=beat.worker,
        host=beat.host,
        pools=tuple(beat.pools),
        kinds=tuple(beat.kinds),
        slots=beat.slots,
        reply_to=beat.reply_to,
        draining=beat.draining,
        held=tuple(held.attempt for held in beat.held),
        reattached=frozenset(held.attempt for held in beat.reattached),
    )


def _stopped(held: HeldAttempt, listed: dict[str, sessions.AttemptStanding]) -> bool:
    """Whether the worker must let go: the attempt is over, is somebody else's, or is being stopped."""
    standing = listed.get(held.attempt)
    return standing is None or standing.stop or (standing.running and standing.claim_id != held.claim_id)
