"""What differs between two documents, field by field."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

ABSENT: Final = "(absent)"
_canonical: Final = msgspec.json.Encoder(order="sorted")
"""What compares values: to Python, true is 1."""


class FieldChange(msgspec.Struct, frozen=True):
    """One field that differs. `path` is dotted; items of a list are told by their `id`, or by their place."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "") -> Iterator[FieldChange]:
    """Give each field that differs, in the order of `after`; a field that is not there shows as `(absent)`."""
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_maps(before, after, path)
    elif _canonical.encode(before) == _canonical.encode(after):
        return
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    else:
        yield FieldChange(path, before, after)


def _of_maps(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[FieldChange]:
    for key in [*after, *(key for key in before if key not in after)]:
        inner = f"{path}.{key}" if path else key
        yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), inner)


def _of_lists(before: list[Any], after: list[Any], path: str) -> Iterator[FieldChange]:
    old, new = _by_id(before), _by_id(after)
    if old is None or new is None or _order(old, new) != _order(new, old):
        yield FieldChange(path, before, after)
    else:
        yield from _of_maps(old, new, path)


def _by_id(items: list[Any]) -> dict[str, Any] | None:
    """Return the items by id; None where one has none, or two share one."""
    if not all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in items):
        return None
    by_id = {item["id"]: item for item in items}
    return by_id if len(by_id) == len(items) else None


def _order(items: dict[str, Any], others: dict[str, Any]) -> list[str]:
    return [key for key in items if key in others]
