"""The worker's cache of source trees: fetched once, bounded, readable while it is read."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.artifacts import Kept
from workers.checkouts import Checkouts


class Store:
    """Gives ten bytes for each digest, and counts how often."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def open(self) -> Any:
        return self

    def read(self, kept: Kept) -> Iterator[bytes]:
        self.asked.append(kept.sha256)
        self.gate.wait(10)
        yield kept.sha256.encode() * 10


def cache(tmp_path: Path, bytes_max: int = 100) -> tuple[Checkouts, Store]:
    store = Store()
    return Checkouts(tmp_path / "c", store, bytes_max), store  # type: ignore[arg-type]


def content(checkouts: Checkouts, name: str) -> bytes:
    with checkouts.open(name) as file:
        return file.read()


def test_a_tree_is_fetched_once(tmp_path: Path) -> None:
    checkouts, store = cache(tmp_path)
    assert [content(checkouts, "a") for _ in range(3)] == [b"a" * 10] * 3
    assert store.asked == ["a"]


def test_what_was_used_longest_ago_goes_first_and_stays_readable(tmp_path: Path) -> None:
    checkouts, store = cache(tmp_path, bytes_max=20)
    content(checkouts, "a")
    with checkouts.open("b") as held:
        content(checkouts, "a")
        content(checkouts, "c")
        assert sorted(path.stem for path in (tmp_path / "c").iterdir()) == ["a", "c"]
        assert held.read() == b"b" * 10
    content(checkouts, "b")
    assert store.asked == ["a", "b", "c", "b"]


def test_several_attempts_at_once_fetch_it_once(tmp_path: Path) -> None:
    checkouts, store = cache(tmp_path)
    store.gate.clear()
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(content(checkouts, "a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    store.gate.set()
    for thread in threads:
        thread.join()
    assert (found, store.asked) == ([b"a" * 10] * 4, ["a"])
