"""What the language has and this version's engine does not carry out yet.

This table is the only place that knows; an entry goes when the engine learns it. `*` stands for any key or item, and
what it says of `tasks` holds for those of the hooks too.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from dsl.stages import MAIN, STAGES
from dsl.syntax.violations import Path, Violation

NOT_SUPPORTED_YET: Final[tuple[tuple[str, ...], ...]] = (("tasks", "*", "artifacts"),)


_Tree = dict[str, "_Tree"]


def _as_tree(table: Iterable[tuple[str, ...]]) -> _Tree:
    tree: _Tree = {}
    for path in table:
        branch = tree
        for step in path:
            branch = branch.setdefault(step, {})
    if MAIN in tree:
        tree |= dict.fromkeys(STAGES, tree[MAIN])
    return tree


_TREE: Final = _as_tree(NOT_SUPPORTED_YET)
"""The table, so that a document is walked once."""


_accepting: ContextVar[bool] = ContextVar("accepting what is not supported", default=False)


@contextmanager
def accepting_all() -> Iterator[None]:
    """Accept the whole language meanwhile: for tests of what the engine is about to learn."""
    token = _accepting.set(True)
    try:
        yield
    finally:
        _accepting.reset(token)


def not_supported(document: dict[str, Any]) -> list[Violation]:
    """Return what a document uses of the table."""
    if _accepting.get():
        return []
    return [_violation(path) for path in _matches(document, _TREE, ())]


def _violation(path: Path) -> Violation:
    message = f"'{path[-1]}' is not supported by this version yet"
    return Violation("E0901", message, path, "leave it out until the engine can carry it out", at_key=True)


def _matches(value: Any, tree: _Tree, path: Path) -> Iterator[Path]:
    for step, branch in tree.items():
        if step == "*":
            for key, item in _items(value):
                yield from _matches(item, branch, (*path, key))
        elif isinstance(value, dict) and step in value:
            if branch:
                yield from _matches(value[step], branch, (*path, step))
            else:
                yield (*path, step)


def _items(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
