"""Fan-outs: a matrix is worked out here, once; `for_each` when its task becomes ready."""

from collections.abc import Iterable
from itertools import product
from typing import Any

from dsl.model import FanOut

Combination = dict[str, Any]


def compile_fan_out(block: dict[str, Any]) -> FanOut | None:
    """Return the task's fan-out, or None."""
    if "matrix" not in block and "for_each" not in block:
        return None
    return FanOut(
        combinations=tuple(combinations(block["matrix"])) if "matrix" in block else None,
        for_each=block.get("for_each"),
        max_parallel=block.get("max_parallel"),
        fail_fast=block.get("fail_fast", True),
    )


def combinations(matrix: dict[str, Any]) -> list[Combination]:
    """Return the combinations of a matrix, as GitHub Actions makes them.

    The product of the axes in the order of the file, the last one fastest; without those that `exclude` matches. An
    `include` adds its other values to every combination of the product whose axes it agrees with, and is a combination
    of its own where it agrees with none.
    """
    axes = axes_of(matrix)
    product_of = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    excluded = matrix.get("exclude", [])
    kept = [each for each in product_of if not any(matches(each, part) for part in excluded)]
    widened = [dict(each) for each in kept]
    added: list[Combination] = []
    for extra in matrix.get("include", []):
        part = {name: value for name, value in extra.items() if name in axes}
        fitting = [wide for each, wide in zip(kept, widened, strict=True) if matches(each, part)] if axes else []
        for wide in fitting:
            wide.update(extra)
        if not fitting:
            added.append(dict(extra))
    return [*widened, *added]


def axes_of(matrix: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the lists of a matrix by name, without `include` and `exclude`."""
    return {name: values for name, values in matrix.items() if name not in {"include", "exclude"}}


def matches(combination: Combination, part: Combination) -> bool:
    """Whether the combination has all the values of the part."""
    return all(name in combination and _same(combination[name], value) for name, value in part.items())


def names_of(found: Iterable[Combination]) -> dict[str, None]:
    """Return every name that any of the combinations has, in order."""
    return dict.fromkeys(name for each in found for name in each)


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
