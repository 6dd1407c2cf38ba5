"""A faulty document without its faulty parts, so that the checks can go on and make no noise about them."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Final

from dsl.stages import STAGES
from dsl.syntax.violations import Path

_KEPT_BELOW: Final = (("inputs",), *((stage,) for stage in STAGES))


def prune(document: dict[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Return a copy without the values at `paths`.

    A faulty input or task becomes an empty one, so that what names it is not at fault too. Any other list with a faulty
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
    if path[:-1] in _KEPT_BELOW and parent is not None:
        parent[path[-1]] = {}
    elif isinstance(parent, dict) and path:
        parent.pop(path[-1], None)
    elif len(path) > 1:
        _remove(root, path[:-1])


def _child(parent: Any, step: str | int) -> Any:
    if isinstance(parent, dict):
        return parent.get(step)
    if isinstance(parent, list) and isinstance(step, int) and step < len(parent):
        return parent[step]
    return None
