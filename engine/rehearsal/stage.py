"""One run in simulated time: what the state machine asks for is answered at once, or after the time a test says."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from dsl.testfile.model import Result
from engine.machine.advance import advance
from engine.machine.changes import Changes, Dispatch, GrantAttempt, NewChild, StopAttempt
from engine.machine.events import CacheAnswer, ChildEnded, ChildStarted, Claimed, Decided, Ended, Event, Granted, Lost
from engine.machine.execution import Execution
from engine.machine.model import TaskRun, parse_attempt
from engine.machine.sealed import SealedError
from engine.machine.signals import SIGNALS
from engine.machine.states import AttemptState, Reason, RunState, TaskState
from engine.machine.step import Step
from engine.rehearsal.mocks import Mocks
from engine.settings import SETTINGS

EVENTS_MAX: Final = 200_000
WORKER: Final = "rehearsal"
LEASE_SECONDS: Final = float(SETTINGS["ttl_seconds"].default)
"""How long it takes until a worker that is gone is missed: the lease of its session, as it is by default."""


class EndlessError(Exception):
    """The run goes on and on, or waits for what never comes."""


@dataclass(slots=True)
class Record:
    """What the tests want to know of one task run besides its row."""

    env: dict[str, str] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None


class Stage:
    """Plays one run. `records` are by task run id; `started` names task runs in the order of their first start."""

    def __init__(
        self, execution: Execution, mocks: Mocks, begin: datetime, secrets: Mapping[str, str] | None = None
    ) -> None:
        self.execution = execution
        self.now = begin
        self.records: dict[str, Record] = {}
        self.started: list[str] = []
        self._mocks = mocks
        self._secrets = secrets or {}
        self._queue: list[tuple[datetime, int, Event]] = []
        self._count = 0

    def at(self, moment: datetime, event: Event) -> None:
        """Let an event happen at a moment."""
        self._count += 1
        heapq.heappush(self._queue, (moment, self._count, event))

    def play(self) -> None:
        """Go on until the run has ended. Raises `EndlessError`, and `UnmockedError` as the mocks do."""
        for _ in range(EVENTS_MAX):
            if self.execution.run.terminal:
                return
            if not self._queue:
                raise EndlessError(self._waiting())
            self.now, _, event = heapq.heappop(self._queue)
            self._take(advance(self.execution, [event], self.now))
        raise EndlessError(f"the run did not end within {EVENTS_MAX:,} events")

    def _take(self, changes: Changes) -> None:
        for lookup in changes.lookups:
            self._answer_cache(lookup.task_run_id)
        for child in changes.children:
            self._begin_child(child)
        for acquire in changes.acquires:
            self.at(self.now, Granted(acquire.task_run_id))
        for signal in changes.signals:
            self.at(signal.due_at, SIGNALS[signal.kind](signal.payload))
        for child_run, _ in changes.told:
            self._cancel_child(child_run)
        for command in changes.commands:
            match command:
                case Dispatch():
                    self._claim(command)
                case GrantAttempt():
                    self._carry_out(command)
                case StopAttempt():
                    self._stop(command)
                case _:
                    pass  # refusals and settlements: no worker is there to hear them
        for task_run in changes.tasks.values():
            self._note(task_run)

    def _note(self, task_run: TaskRun) -> None:
        record = self.records.setdefault(task_run.id, Record())
        if record.started_at is None and task_run.started_at is not None:
            record.started_at = task_run.started_at
            self.started.append(task_run.id)
        if task_run.state is TaskState.WAITING and task_run.reason is Reason.APPROVAL:
            answer = self._mocks.approval(task_run)
            if answer is not None:
                decided = Decided(task_run.id, bool(answer.approved), answer.by, answer.comment)
                self.at(self.now + timedelta(seconds=answer.duration_seconds), decided)

    def _claim(self, command: Dispatch) -> None:
        _, task_run_id, number = parse_attempt(command.attempt)
        self.at(self.now, Claimed(task_run_id, number, f"claim-{command.attempt}", WORKER, WORKER, WORKER))

    def _carry_out(self, command: GrantAttempt) -> None:
        _, task_run_id, number = parse_attempt(command.attempt)
        record = self.records.setdefault(task_run_id, Record())
        try:
            record.spec, record.env = self._opened(command)
        except SealedError as error:
            failed = Result(state="failed", reason="expression", message=str(error))
            self.at(self.now, _ended(task_run_id, number, command.claim_id, failed, self.now))
            return
        task_run = self._find(task_run_id)
        result = self._mocks.attempt(self.execution.task_of(task_run), task_run, number)
        limit = command.timeout_seconds
        if limit is not None and result.duration_seconds > limit:
            message = f"the attempt took longer than {limit:g} s"
            result = Result(state="failed", reason="timeout", message=message, duration_seconds=limit)
        end = self.now + timedelta(seconds=result.duration_seconds)
        if result.state == "lost":
            noticed = end + timedelta(seconds=LEASE_SECONDS)
            self.at(noticed, Lost(task_run_id, command.claim_id, WORKER))
        else:
            self.at(end, _ended(task_run_id, number, command.claim_id, result, end))

    def _opened(self, command: GrantAttempt) -> tuple[dict[str, Any], dict[str, str]]:
        """Return block and environment with the test's secrets; one that it does not give is its own name."""
        if command.sealed is None:
            return command.spec, command.env
        return command.sealed.open({name: self._secrets.get(name, name) for name in command.secrets})

    def _stop(self, command: StopAttempt) -> None:
        _, task_run_id, number = parse_attempt(command.attempt)
        stopped = Result(state="cancelled", message=command.reason)
        self.at(self.now, _ended(task_run_id, number, command.claim_id, stopped, self.now))

    def _answer_cache(self, task_run_id: str) -> None:
        cached = self._mocks.cached(self._find(task_run_id))
        found = CacheAnswer(task_run_id, cached.outputs or {}, "an earlier run") if cached else CacheAnswer(task_run_id)
        self.at(self.now, found)

    def _begin_child(self, child: NewChild) -> None:
        self.records.setdefault(child.task_run_id, Record()).inputs = child.inputs
        task_run = self._find(child.task_run_id)
        result = self._mocks.attempt(self.execution.task_of(task_run), task_run, child.attempt)
        self.at(self.now, ChildStarted(child.task_run_id, child.attempt))
        ends = {"succeeded": RunState.SUCCEEDED, "cancelled": RunState.CANCELLED}
        state = RunState.FAILED if result.failed and result.state != "cancelled" else ends[result.state]
        ended = ChildEnded(child.task_run_id, child.attempt, state, child.run_id, result.message, result.outputs or {})
        self.at(self.now + timedelta(seconds=result.duration_seconds), ended)

    def _cancel_child(self, child_run: str) -> None:
        for task_run in self.execution.run.live():
            if task_run.child_run == child_run:
                ended = ChildEnded(task_run.id, task_run.attempt, RunState.CANCELLED, child_run, "cancelled")
                self.at(self.now, ended)

    def _find(self, task_run_id: str) -> TaskRun:
        found = Step(self.execution, self.now, Changes(self.execution.run, 0)).find(task_run_id)
        assert found is not None, f"the machine spoke of {task_run_id}"
        return found

    def _waiting(self) -> str:
        waiting = [task_run for task_run in self.execution.run.live() if task_run.state is TaskState.WAITING]
        if not waiting:
            return "the run waits for something that never comes"
        first = waiting[0]
        if first.reason is not Reason.APPROVAL:
            return f"task '{first.task}' waits for something that never comes: {first.message}"
        return (
            f"task '{first.task}' waits for a person for ever\n"
            f"  hint: mocks: {{{first.task}: {{approved: true}}}}, or give the approval a timeout"
        )


def _ended(task_run_id: str, number: int, claim_id: str, result: Result, at: datetime) -> Ended:
    state = AttemptState(result.state)
    if result.failed and state is AttemptState.SUCCEEDED:
        state = AttemptState.FAILED
    reason = Reason(result.reason or "exit") if state is AttemptState.FAILED else None
    exit_code = result.exit_code if result.exit_code is not None else (1 if reason is Reason.EXIT else None)
    message = result.message or (f"exit {exit_code}" if reason is Reason.EXIT else "")
    return Ended(
        task_run_id=task_run_id,
        attempt=number,
        claim_id=claim_id,
        reply_to=WORKER,
        state=state,
        reason=reason,
        message=message,
        exit_code=exit_code,
        outputs=result.outputs or {},
        finished_at=at,
    )
