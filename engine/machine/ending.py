"""How task runs end, and how they are stopped (T9, T10)."""

from engine.machine import status
from engine.machine.changes import NewSignal, StopAttempt
from engine.machine.fingerprints import fingerprint
from engine.machine.graph import Stage
from engine.machine.model import TaskRun, attempt_name
from engine.machine.states import Reason, TaskState
from engine.machine.step import Step


def end(step: Step, task_run: TaskRun, state: TaskState, reason: Reason | None, message: str) -> None:
    """End a task run, release what it holds, and have looked at what waited for it."""
    execution = step.execution
    step.move(task_run, state, reason, message)
    task_run.finished_at, task_run.due_at = step.now, None
    task = execution.task_of(task_run)
    if task.locks or task.slots:
        step.changes.released.append(task_run.id)
    if task_run.index is not None:
        execution.fans[task.id].note_end(task_run)
        step.fans.append(task.id)
        return
    execution.open -= 1
    if execution.stage is Stage.MAIN and (state is TaskState.SUCCEEDED or reason is Reason.CONDITION):
        task_run.fingerprint = fingerprint(execution, task)
    execution.note_end(task_run)
    for below in execution.graph.dependents[task.id]:
        if below in execution.unmet:
            execution.unmet[below] -= 1
            if execution.unmet[below] == 0:
                step.ready.append(below)


def stop_all(step: Step, reason: Reason, *, forced: bool) -> None:
    """R7: T9 on what has not started in this stage, T10 on what runs."""
    for name in list(step.execution.fans):
        stop_fan(step, name, reason, "", forced=forced)
    for task_run in list(step.run.live()):
        if task_run.task not in step.execution.fans:
            stop(step, task_run, reason, "", forced=forced)
    for name in list(step.execution.unmet):
        if forced or not status.outlives_cancel(step.execution.graph.tasks[name]):
            end(step, step.execution.create(name), TaskState.CANCELLED, reason, "")


def stop_fan(step: Step, task_id: str, reason: Reason, message: str, *, forced: bool = False) -> None:
    """Stop the items of a fan-out that have not ended, those included that have not begun."""
    fan = step.execution.fans[task_id]
    if fan.template.terminal:
        return
    fan.template.stop = True
    step.touch(fan.template)
    items = step.run.items[task_id]
    for item in [item for item in items if not item.terminal]:
        stop(step, item, reason, message, forced=forced)
    while len(items) < len(fan.cells):
        end(step, step.execution.create_item(fan), TaskState.CANCELLED, reason, message)
    step.fans.append(task_id)


def stop(step: Step, task_run: TaskRun, reason: Reason, message: str, *, forced: bool = False) -> None:
    """Stop one task run: ask for the end of what runs, end what does not."""
    if task_run.state is not TaskState.RUNNING:
        end(step, task_run, TaskState.CANCELLED, reason, message)
        return
    task_run.stop = True
    step.touch(task_run)
    if task_run.child_run is not None:
        cancel_child(step, task_run, reason, forced=forced)
    else:
        name = attempt_name(task_run.id, task_run.attempt)
        step.command(StopAttempt(task_run.reply_to, name, task_run.claim_id or "", str(reason), forced))


def cancel_child(step: Step, task_run: TaskRun, reason: Reason, *, forced: bool = False) -> None:
    """Have the child run of the current attempt cancelled."""
    assert task_run.child_run is not None
    payload = {"reason": str(Reason.CANCELLED_BY_USER), "by": f"run {step.run.id} ({reason})", "forced": forced}
    key = f"parent:{task_run.child_run}:{'forced' if forced else 'plain'}"
    step.changes.told.append((task_run.child_run, NewSignal("cancel", payload, step.now, key)))
