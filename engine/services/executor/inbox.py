"""From what arrives (messages, signals) to the machine's events, grouped by run."""

from dataclasses import dataclass, field
from typing import assert_never

from engine.broker.interface import Delivery
from engine.broker.messages import Claim, Finished, UnknownVersionError, UnreadableMessageError, Wake, decode
from engine.machine.changes import Command, RefuseClaim, Settle
from engine.machine.events import (
    Claimed,
    Ended,
    Event,
)
from engine.machine.model import Artifact, attempt_name, parse_attempt
from engine.machine.states import AttemptState, Reason


@dataclass(slots=True)
class Mail:
    """What has arrived for one run."""

    deliveries: list[Delivery] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    woken: bool = False


@dataclass(slots=True)
class Inbox:
    """One batch, sorted."""

    by_run: dict[str, Mail] = field(default_factory=dict)
    unreadable: list[tuple[Delivery, str]] = field(default_factory=list)
    foreign: list[Delivery] = field(default_factory=list)

    @classmethod
    def of(cls, deliveries: list[Delivery]) -> "Inbox":
        """Sort the deliveries: by run, or unreadable (to be parked), or of another version (to be given back)."""
        inbox = cls()
        for delivery in deliveries:
            try:
                inbox._enter(delivery)
            except UnknownVersionError:
                inbox.foreign.append(delivery)
            except ValueError as error:
                inbox.unreadable.append((delivery, str(error)))
        return inbox

    def mail(self, run_id: str) -> Mail:
        """Return what has arrived for the run."""
        return self.by_run.setdefault(run_id, Mail())

    def _enter(self, delivery: Delivery) -> None:
        message = decode(delivery.body)
        match message:
            case Wake():
                mail = self.mail(message.run_id)
                mail.woken = True
            case Claim() | Finished():
                run_id, task_run_id, number = parse_attempt(message.attempt)
                mail = self.mail(run_id)
                mail.events.append(_event(message, task_run_id, number))
            case _:
                raise UnreadableMessageError(f"a {type(message).__name__} has no business among events")
        mail.deliveries.append(delivery)


def _event(message: Claim | Finished, task_run_id: str, number: int) -> Event:
    match message:
        case Claim():
            return Claimed(
                task_run_id=task_run_id,
                attempt=number,
                claim_id=message.claim_id,
                session=message.session,
                worker=message.worker,
                reply_to=message.reply_to,
                resume=message.resume,
            )
        case Finished():
            return Ended(
                task_run_id=task_run_id,
                attempt=number,
                claim_id=message.claim_id,
                reply_to=message.reply_to,
                state=AttemptState(message.state),
                reason=Reason(message.reason) if message.reason else None,
                message=message.message,
                exit_code=message.exit_code,
                outputs=message.outputs,
                log_batches=message.log_batches,
                started_at=message.started_at,
                finished_at=message.finished_at,
                artifacts=tuple(Artifact(kept.name, kept.size, kept.sha256) for kept in message.artifacts),
            )
        case _:
            assert_never(message)


def strangers(events: list[Event]) -> list[Command]:
    """Return the answers to workers about a run that does not exist (any more)."""
    answers: list[Command] = []
    for event in events:
        if isinstance(event, Claimed):
            name = attempt_name(event.task_run_id, event.attempt)
            answers.append(RefuseClaim(event.reply_to, name, event.claim_id, "unknown"))
        elif isinstance(event, Ended):
            answers.append(Settle(event.reply_to, attempt_name(event.task_run_id, event.attempt), event.claim_id))
    return answers
