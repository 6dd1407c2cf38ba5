"""What is asked of whoever syncs a source: to look at it and say when that is done, and to plan what it could hold.

The keeper of sources answers in its own process; `engine.services.far_syncer` asks those of other processes.
"""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from engine.services.refusals import ActionError

if TYPE_CHECKING:  # an API process compiles nothing until a plan is asked for
    from engine.services.plans import SourcePlan


class NobodyError(ActionError):
    """Nobody who could be asked syncs the source."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"nobody who can be asked syncs source {source} now\n"
            "  hint: is a `chronoverse sync` running, and connected to the broker?"
        )


class NotAnsweredError(ActionError):
    """Who syncs the source could not do it. `reason` is that of a `FetchError`, or `unknown`, `busy`, `failed`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Asked:
    """A wish. `taken` ends as soon as somebody is at it, or with `NobodyError`; `done` with the answer.

    The answer to a look is None: what it found stands in the database. Several may wait for one `done`: it is waited
    for, and not cancelled.
    """

    taken: "Future[None]" = field(default_factory=Future)
    done: "Future[SourcePlan | None]" = field(default_factory=Future)


class AsksSyncer(Protocol):
    """Whom an API asks. Called by any thread; never blocks for longer than it takes to hand over."""

    def look(self, source: str) -> Asked:
        """Have the source looked at; `done` when a look has ended that began after this. Raises `BrokerError`."""

    def plan(self, source: str, ref: str) -> Asked:
        """Have it planned what `ref` of the source would do; empty: the newest of what it follows.

        `done` may raise `NotAnsweredError`. Raises `BrokerError`.
        """

    def forget(self, asked: Asked) -> None:
        """Wait for the answer no more."""


class NobodyToAsk:
    """Who has no syncer."""

    def look(self, source: str) -> Asked:
        """Nobody looks."""
        return nobody(source)

    def plan(self, source: str, _ref: str) -> Asked:
        """Nobody plans."""
        return nobody(source)

    def forget(self, asked: Asked) -> None:
        """Nothing was kept."""


def nobody(source: str) -> Asked:
    """Return a wish that nobody takes."""
    asked = Asked()
    asked.taken.set_exception(NobodyError(source))
    return asked


def taken(done: "Future[SourcePlan | None]") -> Asked:
    """Return a wish that somebody is at."""
    asked = Asked(done=done)
    asked.taken.set_result(None)
    return asked
