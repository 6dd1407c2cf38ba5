"""Schedules: cron expressions, time zones, and schedules that cannot keep up with themselves."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from dsl.checks.subject import Subject
from dsl.cron_syntax import Cron, CronSyntaxError, can_fire, parse_cron, shortest_gap_seconds
from dsl.diagnostics import Fault
from dsl.durations import DurationError, format_duration, parse_duration
from dsl.suggest import did_you_mean
from dsl.syntax.violations import Path


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def schedules(subject: Subject) -> Iterator[Fault]:
    """Find schedules that are not valid, can never fire, or fire faster than runs may end."""
    for name, trigger in subject.triggers.items():
        path: Path = ("triggers", name)
        yield from _zone(subject, trigger, path)
        for place, text in _expressions(trigger, path):
            yield from _expression(subject, text, place)
        yield from _jitter(subject, trigger, path)


def _jitter(subject: Subject, trigger: dict[str, Any], path: Path) -> Iterator[Fault]:
    """A firing that is put off by more than the time to the next one runs after it."""
    if "jitter" not in trigger:
        return
    gaps = [_gap(text) for _, text in _expressions(trigger, path)]
    gap = min([_seconds(trigger["every"])] if "every" in trigger else gaps, default=0.0)
    if 0 < gap <= _seconds(trigger["jitter"]):
        message = f"it fires every {format_duration(gap)}, and a jitter of {trigger['jitter']} mixes up the firings"
        yield subject.at_value("W0219", message, (*path, "jitter"), "make it shorter than the time between two firings")


def _gap(text: str) -> float:
    try:
        cron = parse_cron(text)
    except CronSyntaxError:
        return 0.0  # its own diagnostic is found elsewhere
    return shortest_gap_seconds(cron) if can_fire(cron) else 0.0


def _zone(subject: Subject, trigger: dict[str, Any], path: Path) -> Iterator[Fault]:
    zone = trigger.get("timezone")
    if zone is not None and zone != "UTC" and zone not in _zones():
        hint = did_you_mean(zone, _near(zone), "use an IANA name such as 'Europe/Berlin'")
        yield subject.at_value("E0212", f"unknown time zone '{zone}'", (*path, "timezone"), hint)


def _near(zone: str) -> list[str]:
    city = zone.rsplit("/", 1)[-1].lower()
    return [name for name in _zones() if name[:2].lower() == zone[:2].lower() or name.lower().endswith(city)]


def _expressions(trigger: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    cron = trigger.get("cron", [])
    if isinstance(cron, str):
        yield (*path, "cron"), cron
    else:
        for number, text in enumerate(cron):
            yield (*path, "cron", number), text


def _expression(subject: Subject, text: str, path: Path) -> Iterator[Fault]:
    try:
        cron = parse_cron(text)
    except CronSyntaxError as error:
        yield subject.inside("E0210", str(error), path, (error.offset, error.length), error.hint)
        return
    if not can_fire(cron):
        yield subject.at_value("E0211", f"'{text}' never fires: no such day exists in those months", path)
    else:
        yield from _too_often(subject, cron, path)


def _too_often(subject: Subject, cron: Cron, path: Path) -> Iterator[Fault]:
    concurrency = subject.value.get("concurrency", {})
    timeout = subject.value.get("timeout")
    if "concurrency" not in subject.value or concurrency.get("limit", 1) != 1 or timeout is None:
        return
    if concurrency.get("overlap", "queue") != "queue":
        return
    gap = shortest_gap_seconds(cron)
    if gap < _seconds(timeout):
        message = f"fires every {format_duration(gap)}, but a run may last {timeout} and only one runs at a time"
        yield subject.at_value("W0218", message, path, "shorten 'timeout', or set 'overlap: skip'")


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except DurationError:
        return 0.0  # its own diagnostic is found elsewhere
