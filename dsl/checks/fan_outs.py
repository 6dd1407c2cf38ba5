"""Fan-outs: matrices that give nothing or too much, parts that match nothing, fields that belong to a fan-out."""

from collections.abc import Iterator
from math import prod
from typing import Any

from dsl.checks.subject import Subject, TaskView
from dsl.compile.fan_outs import axes_of, combinations, matches
from dsl.diagnostics import Fault
from dsl.limits import ITEMS_MAX
from dsl.suggest import did_you_mean
from dsl.syntax.violations import Path


def fan_outs(subject: Subject) -> Iterator[Fault]:
    """Find what is wrong with matrices, and fields of fan-outs where there is none."""
    for task in subject.tasks:
        block = task.block
        if "matrix" in block and "for_each" in block:
            path = (*task.path, "for_each")
            yield subject.at_key("E0350", "a task has 'matrix' or 'for_each', not both", path, "remove one of them")
        for name in ("max_parallel", "fail_fast"):
            if name in block and "matrix" not in block and "for_each" not in block:
                message = f"'{name}' is about a fan-out, and the task is none"
                yield subject.at_key("E0351", message, (*task.path, name), "add 'matrix' or 'for_each', or remove it")
        if isinstance(block.get("matrix"), dict) and "matrix." not in subject.doubtful:
            yield from _matrix(subject, task, block["matrix"])


def is_small(matrix: Any) -> bool:
    """Whether the matrix can be worked out: it has not more combinations than a run may have items."""
    return isinstance(matrix, dict) and _size(matrix) <= ITEMS_MAX


def _size(matrix: dict[str, Any]) -> int:
    axes = axes_of(matrix)
    return (prod(len(values) for values in axes.values()) if axes else 0) + len(matrix.get("include", ()))


def _matrix(subject: Subject, task: TaskView, matrix: dict[str, Any]) -> Iterator[Fault]:
    path = (*task.path, "matrix")
    if not is_small(matrix):
        message = f"the matrix has {_size(matrix):,} combinations, more than {ITEMS_MAX:,}"
        yield subject.at_key("E0352", message, path, "make several tasks of it")
        return
    axes = axes_of(matrix)
    if not axes and "include" not in matrix:
        yield subject.at_key("E0352", "the matrix has no axes", path, "give it a list: shard: [0, 1]")
        return
    whole = combinations({name: value for name, value in matrix.items() if name != "exclude"})
    for number, part in enumerate(matrix.get("exclude", ())):
        unknown = next((name for name in part if name not in axes), None)
        if unknown is not None:
            message = f"the matrix has no axis '{unknown}'"
            yield subject.at_key("E0353", message, (*path, "exclude", number, unknown), did_you_mean(unknown, axes))
        elif not any(matches(each, part) for each in whole):
            message = "this excludes nothing: no combination has these values"
            yield subject.at_value("W0354", message, (*path, "exclude", number), "remove it")
    yield from _near_misses(subject, matrix, axes, path)
    if not combinations(matrix):
        yield subject.at_key("E0352", "the matrix has no combinations: the task would do nothing", path)


def _near_misses(subject: Subject, matrix: dict[str, Any], axes: dict[str, Any], path: Path) -> Iterator[Fault]:
    """A name that `include` adds, that nothing uses and that is almost an axis, was meant to be that axis."""
    for number, extra in enumerate(matrix.get("include", ())):
        for name in extra:
            hint = did_you_mean(name, axes) if name not in axes else ""
            if hint and f"matrix.{name}" not in subject.text:
                message = f"this adds the name '{name}', which nothing uses"
                yield subject.at_key("W0354", message, (*path, "include", number, name), hint)
