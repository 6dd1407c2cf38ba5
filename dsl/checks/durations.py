"""Durations and times whose form is right and whose value is not."""

from collections.abc import Iterator
from typing import Any, Final

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault
from dsl.durations import DurationError, parse_duration
from dsl.syntax.violations import Path
from dsl.times import TimeError, parse_time

_RETRY: Final = {"delay": True, "max_delay": True}
_TASK: Final = {"timeout": False, "grace": True}
_PARTS: Final = {"retry": _RETRY, "repeat": {"every": False}, "cache": {"ttl": False}, "approval": {"timeout": False}}
_TRIGGER: Final = {"every": False, "jitter": True}
"""Fields that hold durations, and whether zero makes sense."""


def durations(subject: Subject) -> Iterator[Fault]:
    """Find durations that are too long, or zero where that means nothing."""
    value = subject.value
    yield from _fields(subject, value, (), {"timeout": False})
    defaults = value.get("defaults", {})
    yield from _fields(subject, defaults, ("defaults",), {"timeout": False})
    yield from _fields(subject, defaults.get("retry", {}), ("defaults", "retry"), _RETRY)
    for name, trigger in subject.triggers.items():
        yield from _fields(subject, trigger, ("triggers", name), _TRIGGER)
        yield from _times(subject, trigger, ("triggers", name))
    for task in subject.tasks:
        yield from _task(subject, task.block, task.path)


def _task(subject: Subject, block: dict[str, Any], path: Path) -> Iterator[Fault]:
    yield from _fields(subject, block, path, _TASK)
    for part, names in _PARTS.items():
        if isinstance(block.get(part), dict):
            yield from _fields(subject, block[part], (*path, part), names)
    pause = block.get("wait")
    if isinstance(pause, str):
        yield from _one(subject, pause, (*path, "wait"), zero_allowed=True)
    elif pause and "${{" not in pause.get("until", "${{"):
        yield from _time(subject, pause["until"], (*path, "wait", "until"))
    expect = block.get("heartbeat", {}).get("expect", {})
    yield from _fields(subject, expect, (*path, "heartbeat", "expect"), {"max_latency": False, "tls_valid_for": True})


def _fields(subject: Subject, block: dict[str, Any], path: Path, names: dict[str, bool]) -> Iterator[Fault]:
    for name, zero_allowed in names.items():
        if name in block:
            yield from _one(subject, block[name], (*path, name), zero_allowed=zero_allowed)


def _one(subject: Subject, text: str, path: Path, *, zero_allowed: bool) -> Iterator[Fault]:
    try:
        seconds = parse_duration(text)
    except DurationError as error:
        yield subject.at_value("E0106", str(error), path, "at most 3650d")
        return
    if seconds == 0 and not zero_allowed:
        yield subject.at_value("E0109", f"'{path[-1]}' must be more than zero", path)


def _times(subject: Subject, trigger: dict[str, Any], path: Path) -> Iterator[Fault]:
    given = [name for name in ("starts_at", "ends_at") if name in trigger]
    faults = [fault for name in given for fault in _time(subject, trigger[name], (*path, name))]
    yield from faults
    if len(given) == 2 and not faults and parse_time(trigger["starts_at"]) >= parse_time(trigger["ends_at"]):
        message = "the trigger ends before it starts, so it never fires"
        yield subject.at_value("E0213", message, (*path, "ends_at"), "'ends_at' must be later than 'starts_at'")


def _time(subject: Subject, text: str, path: Path) -> Iterator[Fault]:
    try:
        parse_time(text)
    except TimeError as error:
        yield subject.at_value("E0108", str(error), path, "write it as 2026-01-31T09:00:00Z")
