"""Tasks: a map is a graph, a list a sequence; both become the same graph."""

from collections.abc import Callable
from typing import Any, Final

from dsl.compile.fan_outs import compile_fan_out
from dsl.compile.specs import approval, child, container, heartbeat, http, run, values, wait
from dsl.compile.values import seconds, texts
from dsl.model import DEFAULT_GRACE_SECONDS, Cache, Repeat, Retry, Task, ValueType
from dsl.syntax import runner_kinds

_SPECS: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "container": container,
    "run": run,
    "http": http,
    "heartbeat": heartbeat,
    "wait": wait,
    "set": values,
    "workflow": child,
    "approval": approval,
}
"""How the block of each kind is normalised; a container with a script is a container."""
_STARTS: Final = frozenset({"run", "container"})
"""The kinds that start somewhere."""


def compile_tasks(
    tasks: Any, defaults: dict[str, Any], lines: dict[str, int], namespace: str, *, checkout: bool = False
) -> dict[str, Task]:
    """Return the tasks by id, in the order of the file. `lines` are those on which they begin.

    Children without a namespace are in `namespace`; scripts and containers start in a checkout where `checkout` says so
    and they do not.
    """
    blocks = _sequence(tasks) if isinstance(tasks, list) else tasks
    fallback = _retry(defaults.get("retry"))
    if checkout:
        blocks = {key: {"checkout": bool(_STARTS & block.keys()), **block} for key, block in blocks.items()}
    compiled = {key: _task(key, block, defaults, fallback, lines.get(key, 0)) for key, block in blocks.items()}
    for task in compiled.values():
        if task.kind == "workflow":
            task.spec["name"] = whole_name(task.spec["name"], namespace)
    return compiled


def whole_name(name: str, namespace: str) -> str:
    """Return a workflow's name with its namespace: the one it is written with, else the one given."""
    return name if "/" in name else f"{namespace}/{name}"


def _sequence(steps: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    before = [None, *(step["id"] for step in steps)]
    return {
        step["id"]: {**step, "needs": [previous] if previous else []}
        for step, previous in zip(steps, before, strict=False)
    }


def _task(key: str, block: dict[str, Any], defaults: dict[str, Any], fallback: Retry, line: int) -> Task:
    kind, spec = _kind(block)
    return Task(
        id=key,
        kind=kind,
        spec=spec,
        needs=tuple(block.get("needs", ())),
        condition=block.get("if"),
        env=texts(block.get("env", {})),
        outputs={name: ValueType(value) for name, value in block.get("outputs", {}).items()},
        retry=_retry(block["retry"]) if "retry" in block else fallback,
        timeout_seconds=seconds(block.get("timeout", defaults.get("timeout"))),
        grace_seconds=seconds(block["grace"]) or 0.0 if "grace" in block else DEFAULT_GRACE_SECONDS,
        pool=block.get("pool", defaults.get("pool", "default")),
        priority=block.get("priority", "normal"),
        allow_failure=block.get("allow_failure", False),
        fan_out=compile_fan_out(block),
        repeat=_repeat(block.get("repeat")),
        cache=_cache(block.get("cache")),
        secrets=tuple(block.get("secrets", ())),
        artifacts=tuple(block.get("artifacts", ())),
        checkout=block.get("checkout", False),
        locks=tuple(block.get("locks", ())),
        slots=block.get("slots", {}),
        description=block.get("description", ""),
        labels=texts(block.get("labels", {})),
        line=line,
    )


def _kind(block: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the kind and its normalised block; that of a kind which a package adds is the package's own matter."""
    for name, normalise in _SPECS.items():
        if name in block:
            return name, normalise(block)
    kind = next(name for name in runner_kinds().schemas if name in block)
    return kind, block[kind]


def _retry(spec: dict[str, Any] | None) -> Retry:
    if spec is None:
        return Retry()
    return Retry(
        max_attempts=int(spec.get("max_attempts", 1)),
        delay_seconds=seconds(spec.get("delay")) or 0.0,
        max_delay_seconds=seconds(spec.get("max_delay")),
        backoff=spec.get("backoff", "constant"),
        jitter=spec.get("jitter", False),
        on=tuple(spec["on"]) if "on" in spec else None,
    )


def _repeat(spec: dict[str, Any] | None) -> Repeat | None:
    if spec is None:
        return None
    return Repeat(
        until=spec["until"], every_seconds=seconds(spec["every"]) or 0.0, max_attempts=spec.get("max_attempts")
    )


def _cache(spec: dict[str, Any] | None) -> Cache | None:
    return None if spec is None else Cache(key=spec["key"], ttl_seconds=seconds(spec.get("ttl")))
