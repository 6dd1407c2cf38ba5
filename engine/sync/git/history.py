"""How two commits stand to each other, as far as a mirror without its whole history can tell."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from engine.sync.source import Relation

COMMITS_MAX: Final = 20_000
"""Commits looked at for one answer."""

RawCommit = Callable[[str], bytes | None]
"""Gives a commit's text; None for one that is not there."""


def relation(raw: RawCommit, old: str, new: str) -> Relation | None:
    """Return how `new` stands to `old`; None where what is there does not tell.

    A commit names its parents even where a shallow mirror does not have them, so a line that was fetched push by push
    is known without gaps.
    """
    if new == old:
        return Relation.SAME
    found, whole = _leads_to(raw, new, old)
    if found:
        return Relation.NEWER
    found, old_whole = _leads_to(raw, old, new)
    if found:
        return Relation.OLDER
    return Relation.REWRITTEN if whole and old_whole else None


def committed_at(text: bytes) -> int:
    """Return when a commit was made, in seconds since 1970, as whoever made it says; 0 where that cannot be read."""
    for line in _headers(text):
        if line.startswith(b"committer "):
            words = line.rsplit(b" ", 2)
            return int(words[1]) if len(words) == 3 and words[1].isdigit() else 0
    return 0


def _leads_to(raw: RawCommit, start: str, wanted: str) -> tuple[bool, bool]:
    """Return whether `wanted` is an ancestor of `start`, and whether all of the ancestors were there to look at."""
    seen, open_ends, whole = {start}, deque([start]), True
    while open_ends:
        if len(seen) > COMMITS_MAX:
            return False, False
        text = raw(open_ends.popleft())
        if text is None:
            whole = False
            continue
        for parent in _parents(text):
            if parent == wanted:
                return True, whole
            if parent not in seen:
                seen.add(parent)
                open_ends.append(parent)
    return False, whole


def _parents(text: bytes) -> Iterator[str]:
    return (line[7:].decode("ascii", "replace") for line in _headers(text) if line.startswith(b"parent "))


def _headers(text: bytes) -> list[bytes]:
    return text.partition(b"\n\n")[0].split(b"\n")
