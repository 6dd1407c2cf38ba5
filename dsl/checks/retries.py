"""Retries and timeouts that contradict themselves or each other."""

from collections.abc import Iterator
from typing import Any

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault
from dsl.durations import DurationError, parse_duration
from dsl.syntax.violations import Path


def retries(subject: Subject) -> Iterator[Fault]:
    """Find retries that never happen or whose delays contradict each other, and timeouts longer than the run's."""
    defaults = subject.value.get("defaults", {})
    blocks: list[tuple[dict[str, Any], Path]] = [(defaults, ("defaults",))]
    blocks += [(task.block, task.path) for task in subject.tasks]
    for block, path in blocks:
        if "retry" in block:
            yield from _retry(subject, block["retry"], (*path, "retry"))
        yield from _timeout(subject, block.get("timeout"), (*path, "timeout"))


def _retry(subject: Subject, retry: dict[str, Any], path: Path) -> Iterator[Fault]:
    if retry.get("max_attempts", 1) == 1 and set(retry) - {"max_attempts"}:
        message = "nothing is tried again: 'max_attempts' counts the first attempt"
        yield subject.at_key("W0331", message, path, "set 'max_attempts' to 2 or more")
    delay, longest = _seconds(retry.get("delay")), _seconds(retry.get("max_delay"))
    if delay is not None and longest is not None and longest < delay:
        message = f"'max_delay' ({retry['max_delay']}) is shorter than 'delay' ({retry['delay']})"
        yield subject.at_value("E0330", message, (*path, "max_delay"))
    if retry.get("backoff") == "exponential" and not delay:
        message = "'backoff: exponential' without a 'delay' does nothing"
        yield subject.at_value("W0331", message, (*path, "backoff"), "add 'delay: 2s'")


def _timeout(subject: Subject, text: str | None, path: Path) -> Iterator[Fault]:
    own, whole = _seconds(text), _seconds(subject.value.get("timeout"))
    if own is not None and whole is not None and own > whole:
        message = f"the timeout {text} is longer than the whole run's ({subject.value['timeout']})"
        yield subject.at_value("W0334", message, path)


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else parse_duration(text)
    except DurationError:
        return None  # its own diagnostic is found elsewhere
