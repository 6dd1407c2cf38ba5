"""A faulty document without its faulty parts, so that the checks can go on and make no noise about them."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from dsl.syntax.violations import Path


def prune(document: dict[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Return a copy without the values at `paths`.

    A list keeps the places of its items: a faulty task of a sequence becomes an empty one, any other list with a faulty
    item goes as a whole.
    """
    copy = deepcopy(document)
    for path in sorted(paths, key=len, reverse=True):
        _remove(copy, path)
    return copy


def _remove(root: dict[str, Any], path: Path) -> None:
    parent: Any = root
    for step in path[:-1]:
        parent = _child(parent, step)
    last = path[-1] if path else None
    if isinstance(parent, dict):
        parent.pop(last, None)
    elif isinstance(parent, list) and isinstance(last, int) and path[:-1] == ("tasks",):
        parent[last] = {}
    elif len(path) > 1:
        _remove(root, path[:-1])


def _child(parent: Any, step: str | int) -> Any:
    if isinstance(parent, dict):
        return parent.get(step)
    if isinstance(parent, list) and isinstance(step, int) and step < len(parent):
        return parent[step]
    return None
