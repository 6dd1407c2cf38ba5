"""What a look at a source comes to as events: what is other than it was."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from engine.events.happening import EventKind, Happening

_REFUSALS: Final = frozenset({"rejected", "rewound"})
_NOTHING: Final[Mapping[str, Any]] = {}


class Stand(NamedTuple):
    """How a source stands: its conditions as JSON values, and the versions seen and applied."""

    conditions: Mapping[str, Mapping[str, Any]]
    seen: str | None
    applied: str | None


def of_sync(source: str, before: Stand, after: Stand, now: datetime) -> list[Happening]:
    """Return what changed from one stand to the next."""
    return [Happening(kind, now, source=source, data=data) for kind, data in _changes(before, after)]


def _changes(before: Stand, after: Stand) -> Iterator[tuple[EventKind, dict[str, Any]]]:
    fetched, applied = after.conditions.get("fetched", _NOTHING), after.conditions.get("applied", _NOTHING)
    if fetched.get("status") is False and _differs(before.conditions.get("fetched"), fetched, "status", "reason"):
        yield EventKind.SOURCE_UNREACHABLE, _said(fetched, "reason", "message")
    if after.seen is not None and after.seen != before.seen:
        yield EventKind.SOURCE_FETCHED, {"version": after.seen}
    if applied.get("reason") in _REFUSALS:
        if _differs(before.conditions.get("applied"), applied, "reason", "version"):
            yield EventKind.SOURCE_REJECTED, _said(applied, "version", "reason", "message")
    elif after.applied is not None and after.applied != before.applied:
        yield EventKind.SOURCE_APPLIED, {**_said(applied, "reason", "message"), "version": after.applied}


def _differs(before: Mapping[str, Any] | None, after: Mapping[str, Any], *names: str) -> bool:
    return before is None or any(before.get(name) != after.get(name) for name in names)


def _said(condition: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: condition.get(name) for name in names}
