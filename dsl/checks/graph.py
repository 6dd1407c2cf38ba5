"""The graph of tasks: needs that do not exist, cycles, ids that are given twice, too many tasks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dsl.checks.subject import Subject, TaskView
from dsl.diagnostics import Fault
from dsl.limits import TASKS_MAX
from dsl.stages import MAIN, STAGES
from dsl.suggest import did_you_mean

_SHOWN_MAX: Final = 6


def graph(subject: Subject) -> Iterator[Fault]:
    """Find what keeps the tasks from being a graph that ends."""
    tasks = subject.tasks
    if len(tasks) > TASKS_MAX:
        message = f"the workflow has {len(tasks):,} tasks, more than {TASKS_MAX:,}"
        yield subject.at_key("E0202", message, ("tasks",), "use a fan-out, or several workflows")
    yield from _repeated(subject)
    for stage in STAGES:
        found = subject.stage(stage)
        yield from _unknown_needs(subject, found)
        for task in found:
            if task.id in task.needs and isinstance(task.path[1], str):
                path = (*task.path, "needs", task.needs.index(task.id))
                yield subject.at_value("E0313", f"task '{task.id}' needs itself", path, "remove it")
        yield from _cycles(subject, found)


def _repeated(subject: Subject) -> Iterator[Fault]:
    seen: set[str] = set()
    for task in subject.tasks:
        if task.id in seen:
            message = f"the id '{task.id}' is given to two tasks"
            if isinstance(task.path[1], int):
                yield subject.at_value("E0304", message, (*task.path, "id"), "give one of them another id")
            else:
                yield subject.at_key("E0304", message, task.path, "give one of them another id")
        seen.add(task.id)


def _unknown_needs(subject: Subject, tasks: list[TaskView]) -> Iterator[Fault]:
    known = {task.id for task in tasks}
    others = {task.id for task in subject.tasks} - known
    for task in tasks:
        for number, need in enumerate(task.needs):
            if need in known:
                continue
            message = f"task '{task.id}' needs '{need}', which does not exist"
            hint = did_you_mean(need, known - {task.id})
            if need in others:
                message = f"task '{task.id}' needs '{need}', which is not under '{task.stage}'"
                hint = "remove it: the main tasks have ended before" if task.stage != MAIN else "remove it"
            yield subject.at_value("E0312", message, (*task.path, "needs", number), hint)


def _cycles(subject: Subject, tasks: list[TaskView]) -> Iterator[Fault]:
    """Report each knot of tasks that need each other once, at the need that closes the cycle."""
    by_id = {task.id: task for task in tasks}
    for cycle in find_cycles({task.id: task.needs for task in tasks}):
        last, first = cycle[-1], cycle[0]
        number = by_id[last].needs.index(first)
        shown = cycle if len(cycle) <= _SHOWN_MAX else [*cycle[: _SHOWN_MAX - 1], "…", last]
        message = f"tasks need each other: {' -> '.join([*shown, first])}"
        yield subject.at_value("E0313", message, (*by_id[last].path, "needs", number), "remove one of these needs")


def find_cycles(needs: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return a cycle of two or more for each place where a walk along the needs comes back to itself.

    Each task of a cycle needs the one after it, the last one the first. Takes time linear in the graph; a task is in at
    most one of the cycles.
    """
    done: set[str] = set()
    found: list[list[str]] = []
    for start in needs:
        if start not in done:
            found += _walk(start, needs, done)
    return found


def _walk(start: str, needs: Mapping[str, Iterable[str]], done: set[str]) -> Iterator[list[str]]:
    """Yield the cycles that a depth-first walk from `start` closes."""
    trail: dict[str, Iterator[str]] = {start: iter(needs[start])}
    knotted: set[str] = set()
    while trail:
        here = next(reversed(trail))
        step = next(trail[here], None)
        if step is None:
            del trail[here]
            done.add(here)
        elif step in trail and step != here and knotted.isdisjoint((here, step)):
            keys = list(trail)
            cycle = keys[keys.index(step) :]
            if knotted.isdisjoint(cycle):
                yield cycle
            knotted.update(cycle)
        elif step in needs and step not in done and step not in trail:
            trail[step] = iter(needs[step])
