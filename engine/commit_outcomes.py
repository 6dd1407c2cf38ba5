"""What becomes of a commit that a source's sync has seen, and which outcome may take the place of which."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class CommitOutcome(StrEnum):
    """Where a commit stands. Every commit leaves `pending`; what has been `live` stays so, whatever comes after it."""

    PENDING = "pending"
    """Seen, or announced by the forge, and not decided yet."""
    LIVE = "live"
    """It was applied: what it holds went live."""
    REJECTED = "rejected"
    """It has a fault, and nothing of it was applied."""
    SUPERSEDED = "superseded"
    """A newer commit was seen before this one was applied."""
    FAILED = "failed"
    """It could not be read or applied, for a reason that is not in its files."""


OUTCOME_ARROWS: Final[Mapping[CommitOutcome, frozenset[CommitOutcome]]] = {
    CommitOutcome.PENDING: frozenset(CommitOutcome) - {CommitOutcome.PENDING},
    CommitOutcome.FAILED: frozenset({CommitOutcome.LIVE, CommitOutcome.REJECTED, CommitOutcome.SUPERSEDED}),
    CommitOutcome.REJECTED: frozenset({CommitOutcome.LIVE}),
    CommitOutcome.SUPERSEDED: frozenset({CommitOutcome.LIVE, CommitOutcome.REJECTED}),
    CommitOutcome.LIVE: frozenset(),
}
"""The outcomes that may follow each: a commit comes back when its branch is moved back, or another file is mended."""
