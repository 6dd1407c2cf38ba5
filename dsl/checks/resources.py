"""Locks and slots: all that wait for each other take them in one order, the order of their names."""

from collections.abc import Iterator
from typing import Any

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault
from dsl.syntax.violations import Path


def resources(subject: Subject) -> Iterator[Fault]:
    """Find locks and slots of tasks that do not come after all that the workflow holds meanwhile.

    Locks come before slots, each in the order of the names: so no two runs can wait for each other.
    """
    held = [name for name, _ in _taken(subject.value, ())]
    if not held:
        return
    for task in subject.tasks:
        for name, path in _taken(task.block, task.path):
            if name <= max(held):
                own, other = name[1], max(held)[1]
                message = f"a run that holds '{other}' may not wait for '{own}': runs could wait for each other"
                hint = f"take '{own}' on the workflow too, or give it a name that sorts after '{other}'"
                yield subject.at_value("E0358", message, path, hint)


def _taken(block: dict[str, Any], path: Path) -> Iterator[tuple[tuple[str, str], Path]]:
    for number, name in enumerate(block.get("locks", ())):
        yield ("lock", name), (*path, "locks", number)
    for name in block.get("slots", ()):
        yield ("slot", name), (*path, "slots", name)
