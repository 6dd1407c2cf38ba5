"""Child runs: `workflow` tasks. An attempt is one child run, inserted by the parent's transaction."""

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Final

from dsl.expressions import Field
from dsl.model import Task
from engine.machine.changes import NewChild
from engine.machine.context import task_lookup
from engine.machine.ending import end
from engine.machine.model import TaskRun, attempt_name
from engine.machine.states import Reason, TaskState
from engine.machine.step import Step

DEPTH_MAX: Final = 10
"""How many runs may stand above a child run."""


def begin(step: Step, task: Task, task_run: TaskRun) -> None:
    """Ask for the next child run. Raises `ExpressionError`."""
    run = step.run
    task_run.started_at = task_run.started_at or step.now
    depth = int(run.trigger.get("depth", 0)) + 1
    if depth > DEPTH_MAX:
        message = f"child runs go deeper than {DEPTH_MAX}"
        end(step, task_run, TaskState.FAILED, Reason.CHILD_FAILED, message)
        return
    lookup = task_lookup(step.execution, task, task_run)
    templates = task.spec.get("inputs", {})
    inputs = step.execution.graph.evaluator.resolve(Field.CHILD_INPUTS, templates, lookup, task_id=task.id)
    step.move(task_run, TaskState.RUNNING, None, "")
    task_run.attempt += 1
    task_run.queued_at = task_run.attempt_started_at = step.now
    name = attempt_name(task_run.id, task_run.attempt)
    task_run.child_run = derived_id(step.now, name)
    namespace, _, workflow = task.spec["name"].rpartition("/")
    namespace = namespace or run.workflow.namespace
    step.changes.children.append(
        NewChild(task_run.child_run, task_run.id, task_run.attempt, namespace, workflow, inputs, depth)
    )
    if task.timeout_seconds is not None and task.spec.get("wait", True):
        due = step.now + timedelta(seconds=task.timeout_seconds)
        step.signal("task_timer", due, f"child:{name}", task_run_id=task_run.id, attempt=task_run.attempt)


def derived_id(now: datetime, name: str) -> str:
    """Return the UUIDv7 (RFC 9562) of a child run: the moment, and a hash of the attempt's name for chance."""
    milliseconds = int(now.timestamp() * 1000)
    digest = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=10).digest())
    value = (milliseconds << 80) | digest
    value = value & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
    return str(uuid.UUID(int=value))
