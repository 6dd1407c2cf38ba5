"""Tasks that never run because one that they need never does."""

import re
from collections.abc import Iterator
from typing import Any, Final

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault

_STATUS: Final = re.compile(r"\b(?:success|failure|skipped|always|cancelled)\s*\(")


def reachability(subject: Subject) -> Iterator[Fault]:
    """Find tasks below one whose condition is always false. That one has a warning of its own."""
    never = {task.id for task in subject.tasks if _condition(task.block) == "false"}
    if not never:
        return
    waiting = [task for task in subject.tasks if task.id not in never and _needs_success(task.block)]
    found = True
    while found:
        found = False
        for task in waiting:
            cause = next((need for need in task.needs if need in never), None)
            if cause is not None and task.id not in never:
                never.add(task.id)
                found = True
                message = f"task '{task.id}' never runs: it needs '{cause}', which never does"
                yield subject.at_key("W0337", message, task.path, "remove it, or the need")


def _condition(block: dict[str, Any]) -> str:
    return str(block.get("if", "")).strip()


def _needs_success(block: dict[str, Any]) -> bool:
    """Whether a task runs only after the success of what it needs: implied where it names no status function."""
    return not _STATUS.search(_condition(block))
