"""What is drawn: a cluster for each of a workflow's graphs, with its tasks in layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dsl.durations import format_duration
from dsl.model import FanOut, Task, Workflow
from dsl.stages import MAIN

DETAIL_CHARACTERS: Final = 48
"""Longer details are cut in drawings; what was cut stays in the tooltip of an SVG."""

_HOOKS: Final = {
    "on_success": "on_success: after the run succeeded",
    "on_failure": "on_failure: after the run failed",
    "finally": "finally: always, last",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One graph of the workflow: `stage` is its key in the file. `layers` has the tasks, each below what it needs."""

    stage: str
    label: str
    tasks: Mapping[str, Task]
    layers: tuple[tuple[str, ...], ...]


def clusters(workflow: Workflow) -> tuple[Cluster, ...]:
    """Return the main graph, then those of the hooks that the workflow has, in the order in which they run."""
    hooks = {"on_success": workflow.on_success, "on_failure": workflow.on_failure, "finally": workflow.finally_}
    found = [_cluster(MAIN, MAIN, workflow.tasks)]
    found += [_cluster(stage, _HOOKS[stage], tasks) for stage, tasks in hooks.items() if tasks]
    return tuple(found)


def details(task: Task) -> tuple[str, ...]:
    """Return what a drawing says of a task besides its id and kind, in full and each in one line."""
    found: list[str] = []
    if task.fan_out is not None:
        found.append(_fan_out(task.fan_out))
    if task.condition is not None:
        found.append(f"if {one_line(task.condition)}")
    if task.repeat is not None:
        found.append(f"every {format_duration(task.repeat.every_seconds)} until {one_line(task.repeat.until)}")
    if task.retry.max_attempts > 1:
        found.append(f"{task.retry.max_attempts} attempts")
    if task.allow_failure:
        found.append("may fail")
    return tuple(found)


def one_line(text: str) -> str:
    """Return text in one line, without characters that terminals and XML have no place for."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def cut(text: str) -> str:
    """Return text at the length that drawings have room for."""
    return text if len(text) <= DETAIL_CHARACTERS else text[: DETAIL_CHARACTERS - 1] + "…"


def _fan_out(fan_out: FanOut) -> str:
    if fan_out.for_each is not None:
        return f"for each of {one_line(fan_out.for_each)}"
    combinations = fan_out.combinations or ()
    axes = dict.fromkeys(axis for combination in combinations for axis in combination)
    return f"{len(combinations)} items: {', '.join(axes)}" if axes else "0 items"


def _cluster(stage: str, label: str, tasks: Mapping[str, Task]) -> Cluster:
    depth: dict[str, int] = {}
    for start in tasks:
        _measure(start, tasks, depth)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for identifier in tasks:
        layers[depth[identifier]].append(identifier)
    return Cluster(stage, label, tasks, tuple(map(tuple, layers)))


def _measure(start: str, tasks: Mapping[str, Task], depth: dict[str, int]) -> None:
    """Put the length of the longest way to `start` into `depth`. A stack of our own: chains may be thousands long."""
    stack = [start]
    while stack:
        identifier = stack[-1]
        missing = [need for need in tasks[identifier].needs if need not in depth]
        if missing:
            stack += missing
            continue
        depth[identifier] = 1 + max((depth[need] for need in tasks[identifier].needs), default=-1)
        stack.pop()
