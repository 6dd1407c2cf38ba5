"""The items of a fan-out, worked out when its task becomes ready (T2)."""

from typing import Any

from dsl.expressions import ExpressionError, Field
from dsl.limits import ITEMS_MAX
from dsl.model import Task
from engine.machine.context import task_lookup
from engine.machine.execution import Cell, Execution
from engine.machine.wording import as_text

KEY_CHARACTERS_MAX = 200


class TooManyItemsError(ValueError):
    """A run may have so many items of fan-outs, and no more."""


def cells_of(execution: Execution, task: Task) -> tuple[Cell, ...]:
    """Return the items of `task`'s fan-out, in their order; the same whenever it is asked.

    Raises `ExpressionError` where `for_each` gives no list or map, `TooManyItemsError` beyond what a run may have.
    """
    assert task.fan_out is not None
    if task.fan_out.combinations is not None:
        cells = tuple(_combination(each) for each in task.fan_out.combinations)
    else:
        cells = _each(execution, task, task.fan_out.for_each or "")
    others = sum(len(fan.cells) for fan in execution.fans.values() if fan.template.task != task.id)
    if len(cells) + others > ITEMS_MAX:
        raise TooManyItemsError(f"{len(cells) + others:,} items in one run, more than {ITEMS_MAX:,}")
    return cells


def _combination(names: dict[str, Any]) -> Cell:
    key = ",".join(f"{name}={as_text(value)}" for name, value in names.items())
    return Cell(key[:KEY_CHARACTERS_MAX], {"matrix": names})


def _each(execution: Execution, task: Task, expression: str) -> tuple[Cell, ...]:
    lookup = task_lookup(execution, task)
    found = execution.graph.evaluator.value(Field.FOR_EACH, expression, lookup, task_id=task.id)
    if isinstance(found, list):
        return tuple(Cell(str(n), {"item": item, "index": n}) for n, item in enumerate(found))
    if isinstance(found, dict):
        pairs = enumerate(sorted(found.items()))
        return tuple(Cell(k[:KEY_CHARACTERS_MAX], {"item": {"key": k, "value": v}, "index": n}) for n, (k, v) in pairs)
    raise ExpressionError(expression, "gives neither a list nor a map")
