"""A grant that cannot be made ends its attempt.

The worker is refused, and the result goes to the run's own events queue, where it is taken like a worker's.
"""

from datetime import datetime

from engine.broker.interface import Broker
from engine.broker.messages import Finished, encode
from engine.machine.changes import GrantAttempt, RefuseClaim
from engine.machine.model import parse_attempt
from engine.machine.states import AttemptState, Reason
from engine.services.wakes import queue_of


def end_attempt(broker: Broker, grant: GrantAttempt, reason: Reason, message: str, now: datetime) -> RefuseClaim:
    """Send the failure on its way and return what the worker is told."""
    finished = Finished(
        attempt=grant.attempt,
        claim_id=grant.claim_id,
        session="",
        reply_to="",
        state=str(AttemptState.FAILED),
        reason=str(reason),
        message=message,
        started_at=now,
        finished_at=now,
    )
    run_id = parse_attempt(grant.attempt)[0]
    broker.publish(queue_of(run_id), [encode(finished)])
    return RefuseClaim(grant.reply_to, grant.attempt, grant.claim_id, "ended")
