"""Fan-outs: expanded when their task becomes ready, a few items at a time, joined by one counter (T2, T3)."""

from typing import Any, Final

import msgspec

from dsl.expressions import ExpressionError
from dsl.model import Task
from engine.machine.cells import TooManyItemsError, cells_of
from engine.machine.ending import end, stop_fan
from engine.machine.execution import Execution, Fan
from engine.machine.model import TaskRun
from engine.machine.starting import begin
from engine.machine.states import Reason, TaskState
from engine.machine.step import Step
from engine.machine.wording import located

OUTPUT_BYTES_MAX: Final = 16 * 1024 * 1024
NAMED_MAX: Final = 3


def restore(execution: Execution) -> None:
    """Find the running fan-outs of a loaded run again, from the rows of their items."""
    execution.restored = True
    for template in execution.run.tasks.values():
        task = execution.graph.tasks.get(template.task)
        if task is None or task.fan_out is None or template.state is not TaskState.RUNNING:
            continue
        fan = execution.fans[task.id] = Fan(template, cells_of(execution, task))
        for item in execution.run.items.setdefault(task.id, []):
            fan.note_start()
            if item.terminal:
                fan.note_end(item)


def expand(step: Step, task: Task, template: TaskRun) -> None:
    """T2: work out the items. None: the task has succeeded, with empty outputs."""
    template.started_at = step.now
    try:
        cells = cells_of(step.execution, task)
    except ExpressionError as error:
        end(step, template, TaskState.FAILED, Reason.EXPRESSION, located(step, task, error))
        return
    except TooManyItemsError as error:
        end(step, template, TaskState.FAILED, Reason.FAN_OUT, str(error))
        return
    step.execution.fans[task.id] = Fan(template, cells)
    step.run.items[task.id] = []
    step.move(template, TaskState.RUNNING, None, "")
    step.fans.append(task.id)


def settle(step: Step, task_id: str) -> None:
    """Look at a fan-out after something ended: stop it, begin further items, or end it with its last one."""
    fan = step.execution.fans[task_id]
    task = step.execution.graph.tasks[task_id]
    if fan.template.terminal or task.fan_out is None:
        return
    if fan.failed and task.fan_out.fail_fast and not (task.allow_failure or fan.template.stop):
        stop_fan(step, task_id, Reason.FAIL_FAST, f"item '{fan.failed[0].key}' failed")
    room = task.fan_out.max_parallel or len(fan.cells)
    items = step.run.items[task_id]
    while not fan.template.stop and fan.live < room and len(items) < len(fan.cells):
        begin(step, task, step.execution.create_item(fan))
    if fan.ended == len(fan.cells):
        _join(step, task, fan)


def _join(step: Step, task: Task, fan: Fan) -> None:
    template = fan.template
    if fan.failed:
        if task.allow_failure:
            template.outputs = _collected(step, task)
        end(step, template, TaskState.FAILED, fan.failed[0].reason, _failed_items(fan))
    elif fan.cancelled:
        end(step, template, TaskState.CANCELLED, step.run.stop or Reason.CANCELLED_BY_USER, "")
    else:
        _succeed(step, task, fan)


def _succeed(step: Step, task: Task, fan: Fan) -> None:
    outputs = _collected(step, task)
    if len(msgspec.json.encode(outputs)) > OUTPUT_BYTES_MAX:
        message = f"the outputs of its items are more than {OUTPUT_BYTES_MAX // 2**20} MiB together"
        end(step, fan.template, TaskState.FAILED, Reason.INVALID_OUTPUT, message)
        return
    fan.template.outputs = outputs
    end(step, fan.template, TaskState.SUCCEEDED, None, "")


def _collected(step: Step, task: Task) -> dict[str, list[Any]]:
    """Return a list for each name, in the order of the items; an item without the value gives null."""
    found = [item.outputs or {} for item in step.run.items[task.id]]
    names = dict.fromkeys([*task.outputs, *(name for outputs in found for name in outputs)])
    return {name: [outputs.get(name) for outputs in found] for name in names}


def _failed_items(fan: Fan) -> str:
    named = "; ".join(f"'{item.key}': {item.message or item.reason}" for item in fan.failed[:NAMED_MAX])
    more = f"; and {len(fan.failed) - NAMED_MAX} more" if len(fan.failed) > NAMED_MAX else ""
    return f"{len(fan.failed)} of {len(fan.cells)} items failed: {named}{more}"
