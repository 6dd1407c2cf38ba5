"""After the commit: carry out the machine's commands, and keep count of offers that nobody has claimed yet."""

import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile

from engine.broker.interface import Broker, Outcome, tasks_queue
from engine.broker.messages import AnyMessage, Grant, HandedFile, Offer, Refused, Settled, Stop, encode
from engine.machine.changes import Command, Dispatch, GrantAttempt, HandedOn, RefuseClaim, Settle, StopAttempt
from engine.telemetry.spans import of_attempt

UNCLAIMED_AFTER = timedelta(seconds=2)
RESEND_AFTER = timedelta(seconds=1)


class Outbox:
    """Publishes offers and answers.

    An offer that the broker confirmed and nobody claimed for two seconds gets `dispatched_at` with the next batch;
    short tasks never pay for it. One that the broker refused is sent again after a second.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._offered: dict[str, datetime] = {}
        self._refused: deque[tuple[datetime, Dispatch]] = deque()

    def carry_out(self, commands: Iterable[Command], now: datetime) -> None:
        """Publish what the commands say: offers a pool at a time, answers an address at a time, in order."""
        offers: dict[str, list[Dispatch]] = defaultdict(list)
        replies: dict[str, list[bytes]] = defaultdict(list)
        for command in commands:
            if isinstance(command, Dispatch):
                offers[command.pool].append(command)
            elif command.reply_to:
                replies[command.reply_to].append(encode(_message(command)))
        for pool, dispatches in offers.items():
            self._offer(pool, dispatches, now)
        for address, bodies in replies.items():
            self._broker.reply(address, bodies)

    def claimed(self, attempt: str) -> None:
        """Forget an offer that has been answered."""
        with self._lock:
            self._offered.pop(attempt, None)

    def unclaimed(self, now: datetime) -> list[str]:
        """Return and forget the task runs whose confirmed offer nobody has claimed for two seconds."""
        with self._lock:
            # They stand in the order in which they were offered, and there may be thousands.
            due = [name for name, _ in takewhile(lambda item: now - item[1] >= UNCLAIMED_AFTER, self._offered.items())]
            for name in due:
                del self._offered[name]
        return [name.rpartition(":")[0] for name in due]

    def resend(self, now: datetime) -> None:
        """Send again what the broker refused a second ago."""
        due: dict[str, list[Dispatch]] = defaultdict(list)
        with self._lock:
            while self._refused and now - self._refused[0][0] >= RESEND_AFTER:
                dispatch = self._refused.popleft()[1]
                due[dispatch.pool].append(dispatch)
        for pool, dispatches in due.items():
            self._offer(pool, dispatches, now)

    def next_look(self) -> datetime | None:
        """Return when there is next something to do here, or None."""
        with self._lock:
            moments = [self._refused[0][0] + RESEND_AFTER] if self._refused else []
            if self._offered:
                moments.append(next(iter(self._offered.values())) + UNCLAIMED_AFTER)
        return min(moments, default=None)

    def _offer(self, pool: str, dispatches: list[Dispatch], now: datetime) -> None:
        def known(index: int, outcome: Outcome) -> None:
            if outcome is Outcome.FAILED:
                with self._lock:
                    self._offered.pop(dispatches[index].attempt, None)
                    self._refused.append((now, dispatches[index]))

        with self._lock:
            self._offered.update((dispatch.attempt, now) for dispatch in dispatches)
        bodies = [encode(Offer(attempt=dispatch.attempt, kind=dispatch.kind)) for dispatch in dispatches]
        self._broker.publish(tasks_queue(pool), bodies, known)


def _message(command: GrantAttempt | RefuseClaim | Settle | StopAttempt) -> AnyMessage:
    match command:
        case GrantAttempt():
            return Grant(
                attempt=command.attempt,
                claim_id=command.claim_id,
                kind=command.kind,
                spec=command.spec,
                env=command.env,
                outputs=command.outputs,
                timeout_seconds=command.timeout_seconds,
                grace_seconds=command.grace_seconds,
                fenced=command.fenced,
                masks=list(command.masks),
                artifacts=list(command.artifacts),
                handed=[_handed(each) for each in command.handed_on],
                checkout=command.checkout,
                trace=of_attempt(command.attempt, command.trace).carrier(),
            )
        case RefuseClaim():
            return Refused(attempt=command.attempt, claim_id=command.claim_id, reason=command.reason)
        case Settle():
            return Settled(attempt=command.attempt, claim_id=command.claim_id)
        case StopAttempt():
            return Stop(attempt=command.attempt, claim_id=command.claim_id, reason=command.reason, force=command.force)


def _handed(each: HandedOn) -> HandedFile:
    kept = each.artifact
    return HandedFile(path=each.path, run_id=each.run_id, size=kept.size, sha256=kept.sha256)
