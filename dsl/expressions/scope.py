"""What the names in one field stand for: types for those that are right, a fault for those that are not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dsl.expressions.ancestry import Ancestry
from dsl.expressions.faults import (
    NOT_UPSTREAM,
    UNKNOWN_FUNCTION,
    UNKNOWN_NAME,
    WRONG_CONTEXT,
    ExpressionFault,
)
from dsl.expressions.scan import Name
from dsl.model import Task, Workflow
from dsl.stages import MAIN
from dsl.suggest import did_you_mean

FIXED: Final[Mapping[str, Mapping[str, str]]] = {
    "workflow": {"name": "string", "namespace": "string", "revision": "integer"},
    "run": {
        "id": "string",
        "state": "string",
        "created_at": "datetime",
        "started_at": "datetime",
        "labels": "object",
        "failed_tasks": "array",
    },
    "trigger": {
        "kind": "string",
        "name": "string",
        "scheduled_at": "datetime",
        "fired_at": "datetime",
        "body": "dyn",
        "headers": "object",
    },
    "response": {"status": "integer", "headers": "object", "body": "string", "json": "dyn", "latency_ms": "number"},
}
"""Contexts whose names are the same in every workflow."""

UPSTREAM_RUN: Final[Mapping[str, str]] = {
    "id": "string",
    "state": "string",
    "inputs": "dyn",
    "outputs": "dyn",
    "workflow": "string",
}
"""What `trigger.run` has: the run whose end fired a trigger of kind `workflow`."""

FIRED_BY: Final[Mapping[str, str]] = {"body": "webhook", "headers": "webhook", "run": "workflow"}
"""What of `trigger` only triggers of one kind say."""

BARE: Final[Mapping[str, str]] = {"item": "dyn", "index": "integer"}
CONTEXTS: Final = frozenset({*FIXED, *BARE, "inputs", "tasks", "matrix", "env", "secrets", "outputs"})
STATUS: Final = ("success", "failure", "always", "cancelled", "skipped")
KIND_OUTPUTS: Final[Mapping[str, Mapping[str, str]]] = {
    "http": {"status": "integer", "latency_ms": "number"},
    "heartbeat": {"up": "boolean", "status": "integer", "latency_ms": "number"},
    "approval": {"approved": "boolean", "by": "string", "comment": "string"},
}
"""Outputs that a kind always gives, declared or not."""


@dataclass(frozen=True, slots=True)
class TaskShape:
    """What expressions may know of a task.

    `stage` is the key under which it stands, `own` the outputs of one attempt: of a fan-out, those of one item.
    `matrix` are the names and types of one item of a matrix (None: it has none), `each` says that it has `for_each`.
    """

    outputs: Mapping[str, str]
    needs: tuple[str, ...] = ()
    stage: str = MAIN
    own: Mapping[str, str] = field(default_factory=dict)
    matrix: Mapping[str, str] | None = None
    each: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What expressions may know of a workflow; types in the language's words."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, TaskShape] = field(default_factory=dict)
    env: frozenset[str] = frozenset()
    task_env: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _ancestry: Ancestry = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ancestry", Ancestry({name: task.needs for name, task in self.tasks.items()}))

    @classmethod
    def of(cls, workflow: Workflow) -> "Shape":
        """Return the shape of a compiled workflow."""
        stages = {
            MAIN: workflow.tasks,
            "on_failure": workflow.on_failure,
            "on_success": workflow.on_success,
            "finally": workflow.finally_,
        }
        tasks = {task.id: _task_shape(task, stage) for stage, found in stages.items() for task in found.values()}
        return cls(
            inputs={name: str(spec.type) for name, spec in workflow.inputs.items()},
            tasks=tasks,
            env=frozenset(workflow.env),
            task_env={task.id: frozenset(task.env) for found in stages.values() for task in found.values() if task.env},
        )

    def upstream(self, task_id: str, other: str) -> bool:
        """Whether `other` must have ended before `task_id` starts."""
        if self.tasks[task_id].stage != MAIN and self.tasks[other].stage == MAIN:
            return True
        return other != task_id and self._ancestry.has(task_id, other)


@dataclass(frozen=True, slots=True)
class Known:
    """A name that stands for a value: its first `parts` parts, of that type."""

    dotted: str
    parts: int
    kind: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What the expressions of one field may name."""

    shape: Shape
    contexts: frozenset[str]
    when: str = ""
    status: bool = False
    task_id: str | None = None
    ended: bool = False
    firing: str | None = None

    def look_up(self, name: Name) -> Known | ExpressionFault | None:
        """Return what a name stands for, what is wrong with it, or None when it is none of ours (CEL's own)."""
        root = name.parts[0]
        if name.called and len(name.parts) == 1:
            return self._function(name)
        if root in STATUS and len(name.parts) == 1:
            return _fault(UNKNOWN_NAME, f"'{root}' is a function", name, 1, f"write {root}()")
        if root not in CONTEXTS:
            return None
        found = self._value(name, root)
        if isinstance(found, Known) and name.called and found.parts == len(name.parts):
            return _fault(UNKNOWN_FUNCTION, f"'{found.dotted}' is a value, not a function", name, found.parts, "")
        return found

    def _value(self, name: Name, root: str) -> Known | ExpressionFault:
        if root not in self.contexts:
            usable = ", ".join(sorted(self.contexts))
            message = f"'{root}' cannot be used here: this is evaluated {self.when}"
            return _fault(WRONG_CONTEXT, message, name, 1, f"usable here: {usable}")
        task = self.shape.tasks.get(self.task_id or "")
        if root in BARE:
            if task is not None and not task.each:
                message = f"'{root}' stands for something only in a task with 'for_each'"
                return _fault(WRONG_CONTEXT, message, name, 1, "")
            return Known(root, 1, BARE[root])
        if root == "matrix" and task is not None and task.matrix is None:
            return _fault(WRONG_CONTEXT, "the task has no 'matrix'", name, 1, "")
        if name.parts[:2] == ("run", "failed_tasks") and not self.ended:
            message = "'run.failed_tasks' is known only in on_failure, on_success, finally and notify"
            return _fault(WRONG_CONTEXT, message, name, 2, "")
        if root == "tasks":
            return self._task(name)
        if root == "trigger" and len(name.parts) > 1:
            return self._trigger(name)
        return self._member(name, root)

    def _function(self, name: Name) -> Known | ExpressionFault | None:
        function = name.parts[0]
        if function not in STATUS:
            return None
        if not self.status:
            message = f"{function}() can only be used in a task's `if`"
            return _fault(UNKNOWN_FUNCTION, message, name, 1, "")
        return Known(f"{function}()", 1, "boolean")

    def _member(self, name: Name, root: str) -> Known | ExpressionFault:
        known = self._members(root)
        if len(name.parts) == 1:
            return _fault(UNKNOWN_NAME, f"'{root}' is a context, not a value", name, 1, f"write {root}.NAME")
        member = name.parts[1]
        if known is None:
            return Known(name.dotted(2), 2, "string" if root == "secrets" else "dyn")
        if member in known:
            return Known(name.dotted(2), 2, known[member])
        noun = {"inputs": "input", "env": "environment variable", "outputs": "output"}.get(root)
        message = f"unknown {noun} '{member}'" if noun else f"'{root}' has no '{member}'"
        return _fault(UNKNOWN_NAME, message, name, 2, did_you_mean(member, list(known)) or _listed(list(known)))

    def _trigger(self, name: Name) -> Known | ExpressionFault:
        wanted = FIRED_BY.get(name.parts[1], self.firing)
        if self.firing is not None and wanted != self.firing:
            message = (
                f"only a '{wanted}' trigger gives 'trigger.{name.parts[1]}', and this one is of kind '{self.firing}'"
            )
            return _fault(WRONG_CONTEXT, message, name, 2, "")
        if name.parts[1] != "run":
            return self._member(name, "trigger")
        if len(name.parts) == 2:
            return _fault(UNKNOWN_NAME, "'trigger.run' is a context, not a value", name, 2, "write trigger.run.NAME")
        member = name.parts[2]
        if member in UPSTREAM_RUN:
            return Known(name.dotted(3), 3, UPSTREAM_RUN[member])
        hint = did_you_mean(member, UPSTREAM_RUN) or _listed(list(UPSTREAM_RUN))
        return _fault(UNKNOWN_NAME, f"'trigger.run' has no '{member}'", name, 3, hint)

    def _members(self, root: str) -> Mapping[str, str] | None:
        if root == "inputs":
            return self.shape.inputs
        if root == "outputs":
            task = self.shape.tasks.get(self.task_id or "")
            return {} if task is None else task.own
        if root == "matrix":
            task = self.shape.tasks.get(self.task_id or "")
            return None if task is None else task.matrix
        if root == "env":
            names = self.shape.env | self.shape.task_env.get(self.task_id or "", frozenset())
            return dict.fromkeys(sorted(names), "string")
        return {**FIXED[root], "run": "object"} if root == "trigger" else FIXED.get(root)

    def _task(self, name: Name) -> Known | ExpressionFault:
        if len(name.parts) == 1:
            return _fault(UNKNOWN_NAME, "'tasks' is a context, not a value", name, 1, "write tasks.ID.outputs.NAME")
        task_id = name.parts[1]
        task = self.shape.tasks.get(task_id)
        if task is None:
            tasks = list(self.shape.tasks)
            return _fault(UNKNOWN_NAME, f"unknown task '{task_id}'", name, 2, did_you_mean(task_id, tasks))
        if self.task_id is not None and not self.shape.upstream(self.task_id, task_id):
            message = f"task '{task_id}' need not have ended before '{self.task_id}' starts"
            return _fault(NOT_UPSTREAM, message, name, 2, f"add it: needs: [{task_id}]")
        return self._of_task(name, task_id, task)

    def _of_task(self, name: Name, task_id: str, task: TaskShape) -> Known | ExpressionFault:
        match name.parts[2:]:
            case ("state", *_):
                return Known(name.dotted(3), 3, "string")
            case ("outputs", output, *_):
                if output in task.outputs:
                    return Known(name.dotted(4), 4, task.outputs[output])
                hint = did_you_mean(output, list(task.outputs)) or f"declare it: outputs: {{{output}: string}}"
                return _fault(UNKNOWN_NAME, f"task '{task_id}' declares no output '{output}'", name, 4, hint)
            case (member, *_):
                message = f"'tasks.{task_id}' has 'state' and 'outputs.NAME'"
                hint = did_you_mean(member, ("state", "outputs")) if member != "outputs" else "name one of its outputs"
                return _fault(UNKNOWN_NAME, message, name, 3, hint)
            case _:
                message = f"'tasks.{task_id}' is not a value: it has 'state' and 'outputs.NAME'"
                return _fault(UNKNOWN_NAME, message, name, 2, "")


def _task_shape(task: Task, stage: str) -> TaskShape:
    own = {
        **KIND_OUTPUTS.get(task.kind, {}),
        **dict.fromkeys(task.spec.get("values", {}) if task.kind == "set" else (), "dyn"),
        **{name: str(kind) for name, kind in task.outputs.items()},
    }
    fan_out = task.fan_out
    if fan_out is None:
        return TaskShape(own, task.needs, stage, own)
    matrix = None if fan_out.combinations is None else matrix_types(fan_out.combinations)
    return TaskShape(listed(own), task.needs, stage, own, matrix, fan_out.for_each is not None)


def matrix_types(combinations: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the type of each name of a matrix: that of its values where they agree, else `dyn`."""
    types: dict[str, str] = {}
    for combination in combinations:
        for name, value in combination.items():
            kind = _JSON_TYPES.get(type(value), "dyn")
            types[name] = kind if types.get(name, kind) == kind else "dyn"
    return types


_JSON_TYPES: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}


def listed(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the types of a fan-out's outputs: a list for each name."""
    return dict.fromkeys(outputs, "array")


def _fault(code: str, message: str, name: Name, parts: int, hint: str) -> ExpressionFault:
    """Point at the last of the first `parts` parts."""
    start = name.offsets[parts - 1]
    return ExpressionFault(code, message, start, name.end(parts) - start, hint)


def _listed(known: list[str]) -> str:
    return f"there are: {', '.join(known[:8])}" if known else "there are none"
