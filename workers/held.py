"""What this worker holds: attempts being claimed, running, or finished and not yet settled."""

import threading
from dataclasses import dataclass

from engine.broker.messages import HeldAttempt
from workers.runners.interface import StopToken


@dataclass(slots=True)
class _Holding:
    attempt: HeldAttempt
    stop: StopToken
    running: bool = False
    fenced: bool = False


class Held:
    """The list that goes with each heartbeat, and the way to stop what runs. Any thread may call."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._holdings: dict[str, _Holding] = {}
        self._ending: str | None = None

    def add(self, attempt: str, claim_id: str) -> None:
        """Hold an attempt that is being claimed, or was finished by an earlier process."""
        with self._condition:
            self._holdings[claim_id] = _Holding(HeldAttempt(attempt, claim_id), StopToken())

    def running(self, claim_id: str, *, fenced: bool) -> StopToken:
        """Note that it runs, and return what stops it: at once, if that was asked for while it was being claimed."""
        with self._condition:
            holding = self._holdings[claim_id]
            holding.running, holding.fenced = True, fenced
            ending = self._ending
        if ending is not None:
            holding.stop.request(ending)
        return holding.stop

    def finished(self, claim_id: str) -> None:
        """Note that it runs no more; it is held until `drop`."""
        with self._condition:
            holding = self._holdings[claim_id]
            holding.running = holding.fenced = False

    def drop(self, claim_id: str) -> None:
        """Hold it no more. Idempotent."""
        with self._condition:
            self._holdings.pop(claim_id, None)
            if not self._holdings:
                self._condition.notify_all()

    def wait_empty(self, timeout_seconds: float) -> bool:
        """Wait until nothing is held; return whether that is so."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._holdings, timeout_seconds)

    def listed(self) -> list[HeldAttempt]:
        """Return all that is held."""
        with self._condition:
            return [holding.attempt for holding in self._holdings.values()]

    def claims(self) -> frozenset[str]:
        """Return the claim ids of all that is held."""
        with self._condition:
            return frozenset(self._holdings)

    def stop(self, claim_id: str, reason: str, *, force: bool = False) -> None:
        """Stop this attempt if it is held here."""
        with self._condition:
            holding = self._holdings.get(claim_id)
        if holding is not None:
            holding.stop.request(reason, force=force)

    def stop_all(self, reason: str, *, force: bool = False, fenced_only: bool = False) -> None:
        """Stop all that runs, or all of it that is fenced."""
        with self._condition:
            holdings = list(self._holdings.values())
        for holding in holdings:
            if holding.running and (holding.fenced or not fenced_only):
                holding.stop.request(reason, force=force)

    def end(self, reason: str, *, force: bool = False) -> None:
        """Stop all that runs, and all that will."""
        with self._condition:
            self._ending = reason
        self.stop_all(reason, force=force)
