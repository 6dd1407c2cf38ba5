"""A small stage for the state machine: build a run, send it events, look at what it says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dsl.model import Concurrency, Input, Task, Workflow
from engine.machine.advance import advance
from engine.machine.changes import AttemptRow, Changes, Command, Dispatch, GrantAttempt, NewSignal
from engine.machine.creation import new_run
from engine.machine.events import Claimed, Ended, Event, Lost, Start, TaskTimer
from engine.machine.execution import Execution
from engine.machine.graph import Graph
from engine.machine.model import TaskRun
from engine.machine.states import AttemptState, Reason, RunState, TaskState

RUN_ID = "01890000-0000-7000-8000-000000000000"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def task(name: str, *needs: str, kind: str = "run", spec: dict[str, Any] | None = None, **fields: Any) -> Task:
    return Task(id=name, kind=kind, spec=spec or ({"script": "true"} if kind == "run" else {}), needs=needs, **fields)


def workflow(*tasks: Task, **fields: Any) -> Workflow:
    return Workflow(name="w", path="w.yaml", tasks={task.id: task for task in tasks}, **fields)


class Play:
    """One run in simulated time. Every event is sent `copies` times: the second must change nothing."""

    def __init__(
        self,
        *tasks: Task,
        inputs: dict[str, Any] | None = None,
        declared: dict[str, Input] | None = None,
        concurrency: Concurrency | None = None,
        start: bool = True,
        **fields: Any,
    ) -> None:
        self.workflow = workflow(*tasks, inputs=declared or {}, concurrency=concurrency, **fields)
        self.graph = Graph.of(self.workflow)
        self.now = BEGIN
        self.run = new_run(
            run_id=RUN_ID,
            graph=self.graph,
            workflow_id="wf",
            revision_id="rev",
            revision=1,
            trigger={"kind": "manual"},
            inputs=inputs or {},
            now=self.now,
        )
        self.execution = Execution.of(self.run, self.graph)
        self.attempts: list[AttemptRow] = []
        self.signals: list[NewSignal] = []
        self.commands: list[Command] = []
        self.last: Changes | None = None
        self.claims = 0
        if start:
            self.send(Start())

    def send(self, *events: Event) -> Changes:
        changes = advance(self.execution, events, self.now)
        self.attempts += changes.attempts
        self.signals += changes.signals
        self.commands += changes.commands
        self.last = changes
        return changes

    def find(self, name: str) -> TaskRun | None:
        """The task run of that name; `name[1]` is the second item of a fan-out."""
        task, bracket, index = name.partition("[")
        if not bracket:
            return self.run.tasks.get(task)
        items = self.run.items.get(task, [])
        return items[int(index[:-1])] if int(index[:-1]) < len(items) else None

    def task_run(self, name: str) -> TaskRun:
        found = self.find(name)
        assert found is not None, name
        return found

    def state(self, name: str) -> TaskState:
        task_run = self.find(name)
        return task_run.state if task_run else TaskState.PENDING

    def reason(self, name: str) -> Reason | None:
        return self.task_run(name).reason

    def states(self) -> dict[str, str]:
        return {name: str(self.state(name)) for name in self.graph.tasks}

    def items(self, name: str) -> list[str]:
        return [str(item.state) for item in self.run.items.get(name, [])]

    def reload(self) -> "Play":
        """Forget everything that is not in the rows."""
        self.execution = Execution.of(self.run, self.graph)
        return self

    def claim(self, name: str, session: str = "s1", claim_id: str | None = None, **fields: Any) -> Claimed:
        self.claims += 1
        task_run = self.task_run(name)
        event = Claimed(
            task_run_id=task_run.id,
            attempt=fields.pop("attempt", task_run.attempt),
            claim_id=claim_id or f"claim-{self.claims}",
            session=session,
            worker="worker",
            reply_to=f"reply-{session}",
            **fields,
        )
        self.send(event)
        return event

    def grant(self, name: str) -> GrantAttempt:
        self.claim(name)
        command = self.commands[-1]
        assert isinstance(command, GrantAttempt), command
        return command

    def end(
        self,
        name: str,
        state: AttemptState = AttemptState.SUCCEEDED,
        reason: Reason | None = None,
        outputs: dict[str, Any] | None = None,
        message: str = "",
    ) -> Changes:
        task_run = self.task_run(name)
        return self.send(
            Ended(
                task_run_id=task_run.id,
                attempt=task_run.attempt,
                claim_id=task_run.claim_id or "",
                reply_to="reply-s1",
                state=state,
                reason=reason,
                message=message,
                outputs=outputs or {},
            )
        )

    def succeed(self, name: str, **outputs: Any) -> Changes:
        if self.state(name) is TaskState.QUEUED:
            self.claim(name)
        return self.end(name, outputs=outputs)

    def fail(self, name: str, reason: Reason = Reason.EXIT, message: str = "exit 1") -> Changes:
        if self.state(name) is TaskState.QUEUED:
            self.claim(name)
        return self.end(name, AttemptState.FAILED, reason, message=message)

    def lose(self, name: str) -> Changes:
        task_run = self.task_run(name)
        return self.send(Lost(task_run.id, task_run.claim_id or "", task_run.session or ""))

    def timer(self, name: str, attempt: int | None = None) -> Changes:
        task_run = self.task_run(name)
        return self.send(TaskTimer(task_run.id, task_run.attempt if attempt is None else attempt))

    def later(self, seconds: float) -> "Play":
        self.now += timedelta(seconds=seconds)
        return self

    def offers(self) -> list[str]:
        return [self.workflow_task(command) for command in self.commands if isinstance(command, Dispatch)]

    def workflow_task(self, command: Dispatch) -> str:
        ordinal, dot, index = command.attempt.rpartition(":")[0].rpartition("-")[2].partition(".")
        return self.graph.order_of_file[int(ordinal)] + (f"[{index}]" if dot else "")

    @property
    def ended(self) -> RunState | None:
        return self.run.state if self.run.terminal else None


def kinds(commands: Sequence[Command]) -> list[str]:
    return [type(command).__name__ for command in commands]
