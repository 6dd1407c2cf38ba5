"""Plays conformance cases on a real engine with real workers: all that need no time at once, then those that do."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from dsl.model import Workflow
from dsl.testfile.model import Result
from engine.clock import new_id, system_clock
from engine.machine.execution import Execution
from engine.machine.graph import Graph
from engine.machine.model import Run, TaskRun
from engine.machine.states import Reason, RunState, TaskState
from engine.rehearsal import Coverage, rehearse
from engine.rehearsal.mocks import Mocks
from engine.services.actions import Actions
from engine.services.approvals import Approvals, Decision
from engine.services.refusals import ConflictError
from engine.services.revision_cache import RevisionCache
from engine.store import activation
from engine.store.notices import list_notices
from engine.store.reads_workflows import WorkflowRow, read_workflow
from engine.store.runs import WorkflowCache, load_runs
from engine.store.tables import runs
from tests.conformance.actors import Cast
from tests.conformance.suite import Conformance
from tests.stack import Stack, Stored

TIMED_SECONDS: Final = 3.0
"""How long a run lasts here at most, of what the case says of time."""
WAIT_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.01


@dataclass(slots=True)
class Play:
    """One case on its way. `factor` is what one of the case's seconds lasts; its times count from `begin`.

    Of its other runs those of `earlier` have ended before it, those of `beside` run when it does.
    """

    case: Conformance
    stored: Stored
    notes: Path
    factor: float
    begin: datetime
    run_id: str = ""
    earlier: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    run: Run | None = None
    cancelled: bool = False


class Theatre:
    """Plays cases on a stack that runs."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        self._cache = WorkflowCache()
        self._approvals = Approvals(stack.database, stack.broker)
        self._actions = Actions(stack.database, stack.broker, RevisionCache(stack.database), system_clock, new_id)

    def play(self, cases: Iterable[Conformance]) -> dict[str, Play]:
        """Play every case to its end, or until a minute has passed; return them by id."""
        factors = {case: _factor(case) for case in cases}
        timed = {case for case, factor in factors.items() if factor != 1 or case.timed}
        plays: list[Play] = []
        for wave in (factors.keys() - timed, timed):
            plays += self._wave([self._prepared(case, factors[case]) for case in wave])
        return {play.case.id: play for play in plays}

    def _wave(self, plays: list[Play]) -> list[Play]:
        self._earlier(plays)
        for play in plays:
            play.run_id = self._begin(play)
        self._attend(plays)
        return plays

    def runs(self, run_ids: Iterable[str]) -> dict[str, Run]:
        """Return runs by id."""
        with self._stack.database.read() as connection:
            return load_runs(connection, run_ids, self._cache)

    def told(self, run_id: str) -> list[str]:
        """Return the events that are told of a run, in the order of the file."""
        with self._stack.database.read() as connection:
            found = list_notices(connection, states=(), before=None, limit=1000)
        return [
            each.event for each in sorted(found, key=lambda each: (each.position, each.id)) if each.run_id == run_id
        ]

    def workflow(self, namespace: str, name: str) -> WorkflowRow:
        """Return what is known of a workflow."""
        with self._stack.database.read() as connection:
            found = read_workflow(connection, namespace, name)
        assert found is not None
        return found

    def made(self, namespace: str, name: str) -> int:
        """Return how many runs a workflow has."""
        wanted = self.workflow(namespace, name).id
        with self._stack.database.read() as connection:
            query = select(func.count()).select_from(runs).where(runs.c.workflow_id == wanted)
            found: int = connection.execute(query).scalar_one()
        return found

    def _prepared(self, case: Conformance, factor: float) -> Play:
        notes = self._directory / case.id.replace("/", ".")
        notes.mkdir(parents=True)
        workflow, *children = case.workflows()
        begin = system_clock()
        cast = Cast(case, notes, factor, begin)
        for name, value in case.case.secrets.items():
            self._stack.secrets.put(workflow.namespace, name, value)
        for child in children:
            self._keep(cast.child(child))
        return Play(case, self._keep(cast.playable(workflow)), notes, factor, begin)

    def _keep(self, workflow: Workflow) -> Stored:
        stored = self._stack.keep(workflow)
        with self._stack.database.write() as connection:
            activation.write(connection, {stored.workflow_id: workflow.triggers}, system_clock())
        return stored

    def _begin(self, play: Play, inputs: Mapping[str, Any] | None = None) -> str:
        given = play.case.case
        trigger = {"kind": "manual", "fired_at": given.at.isoformat(), **given.trigger}
        return self._stack.start(play.stored, 1, {**given.inputs, **(inputs or {})}, trigger)[0]

    def _earlier(self, plays: Iterable[Play]) -> None:
        """Run what is to have run before, one after another, and what is to run beside it."""
        for play in plays:
            before = list(play.case.engine.before)
            if any(result.cached for results in play.case.case.mocks.values() for result in results):
                before.append({})
            for inputs in before:
                play.earlier.append(self._begin(play, inputs))
                self._stack.wait(play.earlier)
        for play in plays:
            play.beside = [self._begin(play, inputs) for inputs in play.case.engine.beside]
        self._until_begun([run_id for play in plays for run_id in play.beside])

    def _until_begun(self, run_ids: list[str]) -> None:
        """Wait until each run runs."""
        give_up = time.monotonic() + WAIT_SECONDS
        while any(run.state is RunState.QUEUED for run in self.runs(run_ids).values()) and time.monotonic() < give_up:
            time.sleep(LOOK_SECONDS)

    def _attend(self, plays: list[Play]) -> None:
        """Look at runs until they have ended, and do what people do to them meanwhile."""
        live = {play.run_id: play for play in plays}
        give_up = time.monotonic() + WAIT_SECONDS
        while live and time.monotonic() < give_up:
            for run in self.runs(live).values():
                live[run.id].run = run
                self._act(live[run.id], run)
                if run.terminal:
                    del live[run.id]
            time.sleep(LOOK_SECONDS)

        self._stack.wait([run_id for play in plays for run_id in play.beside])

    def _act(self, play: Play, run: Run) -> None:
        for task_run in run.live():
            if task_run.state is TaskState.WAITING and task_run.reason is Reason.APPROVAL:
                self._decide(play, run, task_run)
        after = play.case.case.cancel_after_seconds
        if after is not None and not play.cancelled and _age(run) >= after * play.factor:
            play.cancelled = True
            with suppress(ConflictError):
                self._actions.cancel(run.id, forced=False, by="the test")

    def _decide(self, play: Play, run: Run, task_run: TaskRun) -> None:
        answer: Result | None = Mocks(play.case.case.mocks).approval(task_run)
        if answer is not None and _age(run) >= answer.duration_seconds * play.factor:
            decision = Decision(bool(answer.approved), answer.by, answer.comment)
            with suppress(ConflictError):
                self._approvals.decide(run.id, task_run.task, task_run.key, decision)


def _age(run: Run) -> float:
    return (system_clock() - run.created_at).total_seconds()


def _factor(case: Conformance) -> float:
    """Return what one of the case's seconds lasts here, so that none lasts long."""
    if case.as_written:
        return 1.0
    graph = Graph.of(case.workflows()[0])
    simulated = Simulated(graph)
    rehearse(graph.workflow, graph, case.case, simulated)
    lasts = simulated.lasted.total_seconds()
    return min(1.0, TIMED_SECONDS / lasts) if lasts else 1.0


class Simulated(Coverage):
    """Notes how long a case's run lasts in simulated time."""

    lasted = timedelta()

    def note(self, execution: Execution) -> None:
        """Take the time."""
        run = execution.run
        if run.finished_at is not None:
            self.lasted = run.finished_at - run.created_at
