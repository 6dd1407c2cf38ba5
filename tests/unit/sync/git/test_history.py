"""Commits are named by letters here; `<` stands before parents that the mirror does not have."""

from collections.abc import Callable

import pytest

from engine.sync.git.history import committed_at, relation
from engine.sync.source import Relation

# a - b - c - d      the line that was pushed
#      \ e - f       another one
#  x (has no history in common)
WHOLE = {"a": "", "b": "a", "c": "b", "d": "c", "e": "b", "f": "e", "x": "", "m": "d f"}


def raw(history: dict[str, str]) -> Callable[[str], bytes | None]:
    def text(name: str) -> bytes | None:
        if name not in history:
            return None
        parents = "".join(f"parent {parent}\n" for parent in history[name].split())
        return f"tree t\n{parents}author A <a> 5 +0000\ncommitter A <a> 7 +0000\n\nparent z\n".encode()

    return text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a", "a", Relation.SAME),
        ("a", "d", Relation.NEWER),
        ("d", "a", Relation.OLDER),
        ("d", "f", Relation.REWRITTEN),
        ("f", "m", Relation.NEWER),
        ("m", "e", Relation.OLDER),
        ("d", "x", Relation.REWRITTEN),
    ],
)
def test_with_the_whole_history(old: str, new: str, expected: Relation) -> None:
    assert relation(raw(WHOLE), old, new) is expected


@pytest.mark.parametrize(
    ("there", "old", "new", "expected"),
    [
        ("c d", "c", "d", Relation.NEWER),
        ("c d", "d", "c", Relation.OLDER),
        ("b d", "b", "d", None),
        ("c d", "d", "b", Relation.OLDER),
        ("d", "a", "d", None),
        ("d f", "d", "f", None),
    ],
)
def test_with_what_a_shallow_mirror_has(there: str, old: str, new: str, expected: Relation | None) -> None:
    assert relation(raw({name: WHOLE[name] for name in there.split()}), old, new) is expected


def test_a_history_beyond_bounds_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sync.git.history.COMMITS_MAX", 2)
    assert relation(raw(WHOLE), "a", "d") is None


def test_when_a_commit_was_made() -> None:
    text = raw(WHOLE)("a")
    assert text is not None
    assert committed_at(text) == 7
    assert committed_at(b"committer A <a>\n\n") == 0
    assert committed_at(b"") == 0
