"""What a worker tells about itself: its slots, what it holds, its attempts and claims."""

from collections.abc import Callable

from engine.broker.messages import Finished, Grant, Refused
from engine.telemetry.instruments import CLAIM_DURATION, WORKER_ATTEMPT_DURATION, WORKER_HELD, WORKER_SLOTS
from workers.held import Held


class Gauges:
    """A worker's slots and what it holds, from `start` to `stop`."""

    def __init__(self, slots: int, held: Held) -> None:
        self._slots = slots
        self._held = held
        self._ends: list[Callable[[], None]] = []

    def start(self) -> None:
        """Have them asked from now on."""
        self._ends = [
            WORKER_SLOTS.observe(lambda: [(self._slots, ())]),
            WORKER_HELD.observe(lambda: [(len(self._held.claims()), ())]),
        ]

    def stop(self) -> None:
        """Have them asked no more. Idempotent."""
        while self._ends:
            self._ends.pop()()


def count_claim(seconds: float, answer: Grant | Refused | None) -> None:
    """Count a claim by what came of it."""
    match answer:
        case Grant():
            CLAIM_DURATION.record(seconds, "granted")
        case Refused():
            CLAIM_DURATION.record(seconds, "refused")
        case None:
            CLAIM_DURATION.record(seconds, "unanswered")


def count_attempt(grant: Grant, finished: Finished) -> None:
    """Count an attempt by how it ended."""
    seconds = (finished.finished_at - finished.started_at).total_seconds()
    WORKER_ATTEMPT_DURATION.record(seconds, grant.kind, finished.state, finished.reason or "")
