"""`moved: {from: …}`: which workflow that stands is the one that a file now gives under another name."""

from collections.abc import Collection, Mapping

from dsl.diagnostics import Diagnostic
from dsl.loader import LoadedWorkflow
from dsl.together import cannot_move
from engine.store.revisions import Standing

Key = tuple[str, str]
"""Namespace and name."""


class Moves:
    """The moves that one source asks for. `seen` are the names that its files give."""

    def __init__(self, source: str, standing: Mapping[Key, Standing], seen: Collection[Key]) -> None:
        self._source = source
        self._standing = standing
        self._seen = seen
        self.taken: set[Key] = set()
        """The former names of the workflows that go on under another."""
        self.held: list[Standing] = []
        """Workflows whose move cannot be made: they stay as they are."""

    def former(self, loaded: LoadedWorkflow) -> Standing | Diagnostic | None:
        """Return what stands under the former name; None where there is nothing to move (any more).

        A move is over once the new name is live; the line may stay in the file, for servers that have yet to see it.
        """
        workflow = loaded.workflow
        if workflow.moved_from is None or workflow.moved_from == workflow.name:
            return None
        now = self._standing.get((workflow.namespace, workflow.name))
        over = now is not None and not now.archived and now.source == self._source
        if over:
            return None
        key = (workflow.namespace, workflow.moved_from)
        former = self._standing.get(key)
        if former is None or former.source != self._source:
            return None
        if key in self._seen:
            return cannot_move(loaded, "that one is still among the files", "remove it there, or leave 'moved' out")
        if key in self.taken:
            return cannot_move(loaded, "another workflow has moved from there", "leave 'moved' out of one of them")
        if now is None:
            self.taken.add(key)
            return former
        self.held.append(former)
        owner = "was removed and has a history of its own" if now.archived else f"is in the source '{now.source}'"
        reason = f"there is a workflow '{workflow.name}', which {owner}"
        return cannot_move(loaded, reason, "take a name that was never used")
