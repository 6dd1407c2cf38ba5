"""Random workflows: small graphs with retries, conditions, waits, limits and timeouts."""

import random

from dsl.model import Concurrency, Overlap, Retry, Task, ValueType, Workflow

CONDITIONS = [None, None, None, "always()", "failure()", "!failure()", "success() || skipped()", "cancelled()"]


def random_workflow(chance: random.Random, name: str) -> Workflow:
    """Return a workflow of up to eight tasks."""
    tasks: dict[str, Task] = {}
    for number in range(chance.randint(1, 8)):
        task = _task(chance, f"t{number}", list(tasks))
        tasks[task.id] = task
    limited = chance.random() < 0.4
    return Workflow(
        name=name,
        path=f"{name}.yaml",
        tasks=tasks,
        timeout_seconds=chance.choice([None, None, 40.0]),
        concurrency=Concurrency(limit=chance.randint(1, 2), overlap=chance.choice(list(Overlap))) if limited else None,
    )


def _task(chance: random.Random, name: str, before: list[str]) -> Task:
    needs = tuple(chance.sample(before, k=min(len(before), chance.choice([0, 1, 1, 2]))))
    kind = chance.choices(["run", "wait", "set"], weights=[8, 1, 1])[0]
    spec = {"run": {"script": "true"}, "wait": {"seconds": chance.uniform(0, 10)}, "set": {"values": {"n": 1}}}[kind]
    condition = chance.choice(CONDITIONS)
    readable = list(needs)
    if readable and chance.random() < 0.2:
        condition = f"tasks.{readable[0]}.state == 'succeeded'"
    return Task(
        id=name,
        kind=kind,
        spec=spec,
        needs=needs,
        condition=condition,
        outputs={"n": ValueType.INTEGER} if kind == "run" else {},
        allow_failure=chance.random() < 0.15,
        timeout_seconds=chance.choice([None, None, 15.0]),
        retry=Retry(
            max_attempts=chance.randint(1, 4),
            delay_seconds=chance.choice([0.0, 1.0, 5.0]),
            backoff=chance.choice(["constant", "exponential"]),
            jitter=chance.random() < 0.5,
            on=chance.choice([None, None, ("lost", "timeout")]),
        ),
    )
