"""Fields that only some kinds of task can have, sensors and caches without an end, files out of reach."""

from collections.abc import Iterator
from typing import Final

from dsl.checks.subject import Subject, TaskView
from dsl.diagnostics import Fault

_NOT_FOR: Final[dict[str, frozenset[str]]] = {
    "repeat": frozenset({"wait", "set", "approval"}),
    "cache": frozenset({"wait", "set", "approval", "heartbeat"}),
    "retry": frozenset({"wait", "set", "approval"}),
    "artifacts": frozenset({"http", "heartbeat", "workflow", "wait", "set", "approval"}),
    "checkout": frozenset({"http", "heartbeat", "workflow", "wait", "set", "approval"}),
    "env": frozenset({"workflow", "wait", "set", "approval"}),
    "timeout": frozenset({"wait", "set", "approval"}),
    "pool": frozenset({"workflow", "wait", "set", "approval"}),
}
"""What a kind cannot have: it makes no attempts, has no files, or holds no worker."""


def kinds(subject: Subject) -> Iterator[Fault]:
    """Find fields that do nothing for the task's kind, sensors without an end, and keys that never change."""
    for task in subject.tasks:
        for field, without in _NOT_FOR.items():
            kind = next((name for name in without if name in task.block), None)
            if field in task.block and kind is not None:
                message = f"'{field}' does nothing for a task of kind '{kind}'"
                hint = "'timeout' stands inside 'approval'" if (field, kind) == ("timeout", "approval") else "remove it"
                yield subject.at_key("E0356", message, (*task.path, field), hint)
        yield from _repeat(subject, task)
        yield from _cache(subject, task)
        yield from _artifacts(subject, task)


def _repeat(subject: Subject, task: TaskView) -> Iterator[Fault]:
    repeat = task.block.get("repeat")
    if isinstance(repeat, dict) and "max_attempts" not in repeat and "timeout" not in task.block:
        message = "this may be tried for ever: 'repeat' has no 'max_attempts' and the task no 'timeout'"
        yield subject.at_key("E0355", message, (*task.path, "repeat"), "add 'max_attempts'")


def _cache(subject: Subject, task: TaskView) -> Iterator[Fault]:
    cache = task.block.get("cache")
    key = cache.get("key") if isinstance(cache, dict) and "ttl" not in cache else None
    if isinstance(key, str) and "${{" not in key:
        message = "the key never changes and the result never expires: the first success is reused for good"
        hint = "name in the key what the result depends on, or add 'ttl'"
        yield subject.at_value("W0357", message, (*task.path, "cache", "key"), hint)


def _artifacts(subject: Subject, task: TaskView) -> Iterator[Fault]:
    patterns = task.block.get("artifacts")
    for position, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
        if not isinstance(pattern, str):
            continue
        absolute = pattern.startswith("/") and "container" not in task.block
        if absolute or ".." in pattern.split("/"):
            message = f"'{pattern}' is outside the directory that the task starts in"
            hint = "have the script copy the file into its working directory"
            yield subject.at_value("E0361", message, (*task.path, "artifacts", position), hint)
