"""A grant whose expressions name secrets: all but their values is settled here, the rest when it is sent.

The state machine never sees a secret's value, so none can reach a row, a message of a run, or a queue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.expressions import ABSENT, Evaluator, ExpressionError, Field, Lookup
from dsl.model import Task, Workflow
from engine.machine.wording import as_text

SECRETS: Final = "secrets."
_HAS: Final = "has:"


class SealedError(Exception):
    """An expression fails with the real values of its secrets; the message names the expression and no value."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the templates of a grant name: the secrets, and everything else."""

    secrets: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a grant is made of. `seen` has the value of every name that is no secret's, as it was at the claim."""

    evaluator: Evaluator
    workflow: Workflow
    task: Task
    seen: Mapping[str, Any]
    environment: Mapping[str, str]

    def open(self, secrets: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the task's block and environment with these secrets. Raises `SealedError`."""
        try:
            spec, env = resolve(self.evaluator, self.workflow, self.task, self._lookup(secrets))
        except ExpressionError as error:
            # The engine's own words may quote a value; the expression as it is written cannot.
            place = f"{self.workflow.path}:{self.task.line}: task '{self.task.id}'"
            raise SealedError(f"{place}: {error.expression.strip()}: fails with the secret's real value") from None
        return _signed_in(spec, secrets), {**env, **self.environment}

    def _lookup(self, secrets: Mapping[str, str]) -> Lookup:
        def lookup(name: str) -> Any:
            if name.startswith(SECRETS):
                return secrets.get(name.removeprefix(SECRETS), ABSENT)
            return self.seen.get(name, ABSENT)

        return lookup


def names_of(evaluator: Evaluator, workflow: Workflow, task: Task) -> Names:
    """Return what the task's block and environment name."""
    found = (
        evaluator.names(Field.WORKFLOW_ENV, workflow.env)
        | evaluator.names(Field.TASK_ENV, task.env, task.id)
        | evaluator.names(Field.TASK_SPEC, task.spec, task.id)
    )
    plain = {name.removeprefix(_HAS) for name in found}
    secrets = {name.removeprefix(SECRETS) for name in plain if name.startswith(SECRETS)}
    registry = registry_of(task)
    if registry is not None:
        secrets.add(registry)
    return Names(tuple(sorted(secrets)), tuple(sorted(name for name in plain if not name.startswith(SECRETS))))


def registry_of(task: Task) -> str | None:
    """Return the name of the secret that signs the task in to its image's registry, or None."""
    name = task.spec.get("registry") if task.kind == "container" else None
    return name if isinstance(name, str) else None


def resolve(
    evaluator: Evaluator, workflow: Workflow, task: Task, lookup: Lookup
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the task's block and the environment that files give it. Raises `ExpressionError`.

    The block may name what the environment gives (`env.NAME`).
    """
    general = evaluator.resolve(Field.WORKFLOW_ENV, workflow.env, lookup) if workflow.env else {}
    own = evaluator.resolve(Field.TASK_ENV, task.env, lookup, task_id=task.id)
    env = {name: as_text(value) for name, value in {**general, **own}.items()}

    def with_env(name: str) -> Any:
        return env.get(name[4:], ABSENT) if name.startswith("env.") else lookup(name)

    return evaluator.resolve(Field.TASK_SPEC, task.spec, with_env, task_id=task.id), env


def _signed_in(spec: dict[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return the block with the registry's secret in the place of its name."""
    name = spec.get("registry")
    return {**spec, "registry": secrets[name]} if isinstance(name, str) and name in secrets else spec
