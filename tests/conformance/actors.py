"""Tasks that play what a case says of them: each keeps its place and its fields, and its body becomes a script.

The script notes the environment it was given, then does what the case's `mocks` say of this item and attempt: it
sleeps, writes its outputs, exits. A `run` task of which the case says nothing does what it would do.
"""

import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from dsl.model import ENGINE_KINDS, Retry, Task, Workflow
from dsl.testfile.model import Result
from tests.conformance.suite import Conformance

SPEC_VARIABLE: Final = "CONFORMANCE_SPEC"
"""Holds the block of a task's kind, worked out."""

_ALWAYS: Final[Mapping[str, dict[str, Any]]] = {
    "http": {"status": 200, "latency_ms": 1.0},
    "heartbeat": {"up": True, "status": 200, "latency_ms": 1.0},
}
_SECONDS: Final = ("seconds", "timeout_seconds")


class Cast:
    """Makes one case's workflows playable. `notes` is where scripts leave their environments.

    Every duration becomes `factor` times as long; a time that a task waits until keeps its distance to the case's
    beginning, which is now `begin`.
    """

    def __init__(self, conformance: Conformance, notes: Path, factor: float, begin: datetime) -> None:
        self._case = conformance.case
        self._as_written = conformance.as_written
        self._notes = notes
        self._factor = factor
        self._begin = begin

    def playable(self, workflow: Workflow) -> Workflow:
        """Return the case's workflow with actors for its tasks."""
        return self._staged(workflow, self._case.mocks)

    def child(self, workflow: Workflow) -> Workflow:
        """Return a child workflow; the case says nothing of its tasks."""
        return self._staged(workflow, {})

    def _staged(self, workflow: Workflow, mocks: Mapping[str, tuple[Result, ...]]) -> Workflow:
        def acted(tasks: Mapping[str, Task]) -> dict[str, Task]:
            return {name: self._task(task, mocks) for name, task in tasks.items()}

        return msgspec.structs.replace(
            workflow,
            tasks=acted(workflow.tasks),
            on_failure=acted(workflow.on_failure),
            on_success=acted(workflow.on_success),
            finally_=acted(workflow.finally_),
            timeout_seconds=self._scaled(workflow.timeout_seconds),
        )

    def _task(self, task: Task, mocks: Mapping[str, tuple[Result, ...]]) -> Task:
        timed = msgspec.structs.replace(
            task,
            timeout_seconds=self._scaled(task.timeout_seconds),
            retry=self._retry(task.retry),
            repeat=task.repeat
            and msgspec.structs.replace(task.repeat, every_seconds=self._s(task.repeat.every_seconds)),
        )
        if task.kind in ENGINE_KINDS:
            return msgspec.structs.replace(timed, spec=self._engine_spec(task.spec))
        mine = {name: results for name, results in mocks.items() if name.partition("[")[0] == task.id}
        played = task.kind != "run" or (not self._as_written and bool(mine or task.outputs))
        shell = "sh" if played else task.spec.get("shell", "bash")
        body = self._script(task, mine) if played else str(task.spec["script"])
        note = f'env -0 > "$(mktemp {shlex.quote(str(self._notes))}/XXXXXXXX)"\n' if _is_posix(shell) else ""
        env = {**task.env, SPEC_VARIABLE: task.spec}
        return msgspec.structs.replace(timed, kind="run", spec={"script": note + body, "shell": shell}, env=env)

    def _script(self, task: Task, mine: Mapping[str, tuple[Result, ...]]) -> str:
        of_task = self._attempts(task, mine.get(task.id, ()))
        items = [
            f"{shlex.quote(name.partition('[')[2][:-1])})\n{self._attempts(task, results)}\n;;"
            for name, results in mine.items()
            if "[" in name
        ]
        return "\n".join(['case "${CHRONOVERSE_TASK_KEY-}" in', *items, f"*)\n{of_task}\n;;", "esac", ""])

    def _attempts(self, task: Task, results: tuple[Result, ...]) -> str:
        results = results or (Result(),)
        lines = ['case "$CHRONOVERSE_ATTEMPT" in']
        for number, result in enumerate(results, start=1):
            lines += [f"{number if number < len(results) else '*'})", self._act(task, result), ";;"]
        return "\n".join([*lines, "esac"])

    def _act(self, task: Task, result: Result) -> str:
        lines = []
        if result.duration_seconds and not result.cached:
            lines.append(f"sleep {self._s(result.duration_seconds):.3f}")
        if not result.failed or result.outputs:
            outputs = {**_ALWAYS.get(task.kind, {}), **(result.outputs or {})}
            lines.append(f'printf %s {shlex.quote(msgspec.json.encode(outputs).decode())} > "$CHRONOVERSE_OUTPUT"')
        lines.append(f"exit {result.exit_code or int(result.failed)}")
        return "\n".join(lines)

    def _engine_spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        timed = {name: self._s(value) for name, value in spec.items() if name in _SECONDS and value is not None}
        until = {"until": self._moved(spec["until"])} if "until" in spec else {}
        return {**spec, **timed, **until}

    def _moved(self, until: Any) -> Any:
        """Return a time that is written out, moved; nothing else is changed."""
        try:
            distance = datetime.fromisoformat(str(until)) - self._case.at
        except ValueError:
            return until
        return (self._begin + timedelta(seconds=self._s(distance.total_seconds()))).isoformat()

    def _retry(self, retry: Retry) -> Retry:
        longest = self._scaled(retry.max_delay_seconds)
        return msgspec.structs.replace(retry, delay_seconds=self._s(retry.delay_seconds), max_delay_seconds=longest)

    def _scaled(self, seconds: float | None) -> float | None:
        return None if seconds is None else self._s(seconds)

    def _s(self, seconds: float) -> float:
        return seconds * self._factor


def _is_posix(shell: str | list[str]) -> bool:
    """Whether a line of sh may stand before the script."""
    return (shell if isinstance(shell, str) else shell[0]) in {"sh", "bash"}
