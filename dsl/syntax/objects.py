"""Violations of the keywords that speak about the fields of a map."""

from collections.abc import Iterator
from typing import Final

from dsl.suggest import did_you_mean, nearest
from dsl.syntax.runner_kinds import runner_kinds
from dsl.syntax.violations import Breach, Violation

_BUILT_IN: Final = ("run", "container", "http", "heartbeat", "workflow", "wait", "approval", "set")
_NO_NEEDS: Final = "in a list each task needs the one before it; write a map of tasks for a graph"
_KIND_TITLE: Final = "kind"
_TRIGGER_TITLE: Final = "kind of trigger"


def task_kinds() -> tuple[str, ...]:
    """Return every kind of task: those of the language, then those that installed packages add."""
    return (*_BUILT_IN, *sorted(runner_kinds().schemas))


def unknown(breach: Breach) -> Iterator[Violation]:
    """Explain each field that the schema does not know."""
    known, kinds = breach.fields, task_kinds()
    lacks_kind = breach.title == _KIND_TITLE and not any(kind in breach.value for kind in kinds)
    for name in breach.value:
        if name in known:
            continue
        path = (*breach.path, name)
        if lacks_kind and nearest(name, known) in {None, *kinds}:
            hint = _why_unusable(name) or did_you_mean(name, kinds, f"one of: {', '.join(kinds)}")
            yield Violation("E0303", f"unknown kind of task '{name}'", path, hint, at_key=True)
        else:
            hint = _NO_NEEDS if name == "needs" else did_you_mean(name, known)
            yield Violation("E0101", f"unknown field '{name}'", path, hint, at_key=True)


def _why_unusable(kind: str) -> str:
    reason = runner_kinds().broken.get(kind)
    return f"a package that is installed adds it, and cannot be used: {reason}" if reason else ""


def missing(breach: Breach) -> Iterator[Violation]:
    """Explain each field that must be given and is not; one that is only misspelt is a fault of its own."""
    known = breach.fields
    meant = {nearest(name, known) for name in breach.value if name not in known} if known else set()
    for name in breach.wanted:
        if name not in breach.value and name not in meant:
            yield Violation("E0102", f"'{name}' is missing", breach.path, f"add '{name}:'", at_key=True, pruned=False)


def one_of(breach: Breach) -> Iterator[Violation]:
    """Explain a map that must have exactly one of some fields."""
    title = breach.title
    if title == _KIND_TITLE:
        yield from _task_kind(breach)
        return
    names = [branch["required"][0] for branch in breach.wanted]
    given = [name for name in names if name in breach.value]
    if not given and _has_unknown(breach):
        return
    code = "E0217" if title == _TRIGGER_TITLE else "E0114"
    listed = ", ".join(names)
    if given:
        message = f"has {len(given)} of {listed}: exactly one is needed"
        yield Violation(code, message, (*breach.path, given[1]), "remove all but one", at_key=True)
    else:
        yield Violation(
            code, f"needs exactly one of {listed}", breach.path, f"add one of: {listed}", at_key=True, pruned=False
        )


def _task_kind(breach: Breach) -> Iterator[Violation]:
    path = breach.path
    given = [name for name in breach.value if name in task_kinds()]
    if given:
        message = f"the task has {len(given)} kinds: {', '.join(given)}"
        yield Violation("E0302", message, (*path, given[1]), "make two tasks of them", at_key=True)
    elif not any(item.code == "E0303" for item in unknown(breach)):
        yield Violation(
            "E0301", "the task has no kind", path, f"add one of: {', '.join(task_kinds())}", at_key=True, pruned=False
        )


def _has_unknown(breach: Breach) -> bool:
    return any(name not in breach.fields for name in breach.value)
