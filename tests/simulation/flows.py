"""Random workflows: small graphs with everything that a run can wait for, repeat, take, or bring forth."""

import random
from typing import Any

from dsl.model import Cache, Concurrency, FanOut, Overlap, Repeat, Retry, Task, ValueType, Workflow

CONDITIONS = [None, None, None, "always()", "failure()", "!failure()", "success() || skipped()", "cancelled()"]
CHILD = "kid"
CAPACITIES = {"db": 2}


def random_workflow(chance: random.Random, name: str) -> Workflow:
    """Return a workflow of up to eight main tasks, sometimes with hooks, locks and slots.

    As every checked file, it takes what its tasks take only in the order of the names, and nothing around a child run
    that the child takes too.
    """
    limited = chance.random() < 0.4
    return Workflow(
        name=name,
        path=f"{name}.yaml",
        tasks=_tasks(chance, "t", chance.randint(1, 8)),
        on_failure=_hooks(chance, "f"),
        on_success=_hooks(chance, "s"),
        finally_=_hooks(chance, "l"),
        timeout_seconds=chance.choice([None, None, 40.0]),
        concurrency=Concurrency(limit=chance.randint(1, 2), overlap=chance.choice(list(Overlap))) if limited else None,
        locks=("outer",) if chance.random() < 0.1 else (),
    )


def child_workflow(chance: random.Random) -> Workflow:
    """Return the workflow that `workflow` tasks run: small, and without children of its own."""
    return Workflow(name=CHILD, path="kid.yaml", tasks={"a": _worker_task(chance, "a", ())})


def _hooks(chance: random.Random, prefix: str) -> dict[str, Task]:
    return _tasks(chance, prefix, chance.randint(1, 2)) if chance.random() < 0.25 else {}


def _tasks(chance: random.Random, prefix: str, number: int) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for n in range(number):
        task = _task(chance, f"{prefix}{n}", list(tasks))
        tasks[task.id] = task
    return tasks


def _task(chance: random.Random, name: str, before: list[str]) -> Task:
    needs = tuple(chance.sample(before, k=min(len(before), chance.choice([0, 1, 1, 2]))))
    kinds = ["run", "wait", "set", "workflow", "approval"]
    kind = chance.choices(kinds, weights=[12, 1, 1, 2, 1])[0]
    if kind == "run":
        return _worker_task(chance, name, needs)
    spec: dict[str, dict[str, Any]] = {
        "wait": {"seconds": chance.uniform(0, 5)},
        "set": {"values": {"n": 1}},
        "workflow": {"name": f"default/{CHILD}", "inputs": {}, "wait": chance.random() < 0.8},
        "approval": {"message": "?", "timeout_seconds": chance.uniform(1, 5), "on_timeout": "approve"},
    }
    shared = _shared(chance, needs)
    if kind == "workflow":
        shared |= {"locks": (), "slots": {}}
    return Task(id=name, kind=kind, spec=spec[kind], **shared)


def _worker_task(chance: random.Random, name: str, needs: tuple[str, ...]) -> Task:
    return Task(
        id=name,
        kind="run",
        spec={"script": "true"},
        outputs={"n": ValueType.INTEGER},
        repeat=Repeat(until="outputs.n > 3", every_seconds=1.0, max_attempts=4) if chance.random() < 0.1 else None,
        cache=Cache(key="k", ttl_seconds=20.0) if chance.random() < 0.1 else None,
        **_shared(chance, needs),
    )


def _shared(chance: random.Random, needs: tuple[str, ...]) -> dict[str, Any]:
    condition = chance.choice(CONDITIONS)
    if needs and chance.random() < 0.2:
        condition = f"tasks.{needs[0]}.state == 'succeeded'"
    return {
        "needs": needs,
        "condition": condition,
        "fan_out": _fan_out(chance) if chance.random() < 0.2 else None,
        "locks": ("wh",) if chance.random() < 0.1 else (),
        "slots": {"db": chance.randint(1, 2)} if chance.random() < 0.1 else {},
        "allow_failure": chance.random() < 0.15,
        "timeout_seconds": chance.choice([None, None, 15.0]),
        "retry": Retry(
            max_attempts=chance.randint(1, 3),
            delay_seconds=chance.choice([0.0, 1.0, 3.0]),
            backoff=chance.choice(["constant", "exponential"]),
            jitter=chance.random() < 0.5,
            on=chance.choice([None, None, ("lost", "timeout")]),
        ),
    }


def _fan_out(chance: random.Random) -> FanOut:
    return FanOut(
        combinations=tuple({"n": n} for n in range(chance.randint(1, 4))),
        max_parallel=chance.choice([None, 1, 2]),
        fail_fast=chance.random() < 0.5,
    )
