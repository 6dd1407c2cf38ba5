"""Whether a commit comes after the one that is live, by history where it is known, and else by date.

A mirror without history is given some only when a commit would seem to go back. What then still cannot be told is taken
for older: staying with what is live is the mistake that a person can see and mend.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from engine.sync.git.history import committed_at, relation
from engine.sync.git.mirror import Mirror
from engine.sync.git.refs import COMMIT
from engine.sync.source import Relation

DEEPER: Final = (64, 1024)
"""Commits of history that are fetched, in turn, where what is there does not tell."""


class Order:
    """The order of one source's commits. `deepen` fetches so many commits of history, and another commit if it can."""

    def __init__(self, mirror: Mirror, deepen: Callable[[int, str], None]) -> None:
        self._mirror = mirror
        self._deepen = deepen
        self._known: dict[tuple[str, str], Relation] = {}

    def relation(self, new: str, old: str, applied_at: datetime | None) -> Relation:
        """Say how `new` stands to `old`, which went live at that time. Raises `FetchError`, `MirrorError`."""
        known = self._known.get((new, old))
        if known is None:
            known = self._found(new, old, applied_at)
            self._known = {(new, old): known}
        return known

    def _found(self, new: str, old: str, applied_at: datetime | None) -> Relation:
        if not COMMIT.fullmatch(old):
            return Relation.REWRITTEN  # the source of this name was a folder
        raw = self._mirror.raw_commit
        found = relation(raw, old, new)
        if found is None and not self._later(new, old, applied_at):
            for commits in DEEPER:
                self._deepen(commits, old)
                found = relation(raw, old, new)
                if found is not None:
                    break
            else:
                found = None if self._later(new, old, applied_at) else Relation.OLDER
        return found or (Relation.NEWER if raw(old) else Relation.REWRITTEN)

    def _later(self, new: str, old: str, applied_at: datetime | None) -> bool:
        """Whether `new` was made no earlier than `old`, or, where nobody has that any more, than it went live."""
        made_at = committed_at(self._mirror.raw_commit(new) or b"")
        text = self._mirror.raw_commit(old)
        if text is not None:
            return made_at >= committed_at(text)
        return applied_at is not None and made_at > applied_at.timestamp()
