"""Values and places as people, and environment variables, see them."""

from typing import Any

import msgspec

from dsl.expressions import ExpressionError
from dsl.model import Task
from engine.machine.step import Step


def as_text(value: Any) -> str:
    """Return a JSON value as an environment variable shows it: strings as they are, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def located(step: Step, task: Task, error: ExpressionError) -> str:
    """Return what an expression's failure says, with the file, the line and the task that it stands in."""
    return f"{step.run.workflow.path}:{task.line}: task '{task.id}': {error}"
