"""Looks at the database after every step and says what must never be."""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import func, select

from engine.machine.states import RUN_ARROWS, RUN_TERMINAL, TASK_ARROWS, TASK_TERMINAL, RunState, TaskState
from engine.store.database import Database
from engine.store.invariants import check
from engine.store.tables import attempts, holders, revisions, runs, signals, task_runs
from tests.simulation.workers import SimulatedWorker

State = TypeVar("State", bound=StrEnum)


def _closure(arrows: dict[State, frozenset[State]]) -> dict[State, set[State]]:
    """What can be reached by one arrow or more: a batch may take several."""
    reach = {state: set(targets) for state, targets in arrows.items()}
    for _ in range(len(reach)):
        for state, targets in list(reach.items()):
            for target in list(targets):
                reach[state] = targets | reach[state] | reach.get(target, set())
    return reach


_RUN_REACH = _closure(RUN_ARROWS)
_TASK_REACH = _closure(TASK_ARROWS)


class Referee:
    """Remembers what it saw last and compares."""

    def __init__(self, database: Database, workers: Sequence[SimulatedWorker]) -> None:
        self._database = database
        self._workers = workers
        self._runs: dict[str, RunState] = {}
        self._tasks: dict[str, TaskState] = {}

    def look(self) -> None:
        """Check the arrows taken since the last look, and that no attempt was granted to two claims."""
        with self._database.read() as connection:
            for run_id, text in connection.execute(select(runs.c.id, runs.c.state)):
                self._arrow(self._runs, run_id, RunState(text), _RUN_REACH)
            for task_run_id, text in connection.execute(select(task_runs.c.id, task_runs.c.state)):
                self._arrow(self._tasks, task_run_id, TaskState(text), _TASK_REACH)
        self._one_claim_an_attempt()

    def open_runs(self) -> list[str]:
        """Return the runs that have not ended."""
        with self._database.read() as connection:
            ended = [str(state) for state in RUN_TERMINAL]
            return list(connection.execute(select(runs.c.id).where(runs.c.state.not_in(ended))).scalars())

    def final(self) -> None:
        """Check what must be true when everything has come to its end."""
        assert not self.open_runs(), f"stuck: {self.open_runs()}"
        with self._database.read() as connection:
            ended = [str(state) for state in TASK_TERMINAL]
            live = connection.execute(select(task_runs.c.id).where(task_runs.c.state.not_in(ended))).all()
            assert not live, f"live task runs of ended runs: {live}"
            assert connection.execute(select(func.count()).select_from(holders)).scalar_one() == 0
            left = connection.execute(select(signals.c.run_id, signals.c.kind)).all()
            assert not [row for row in left if row.kind not in {"cancel", "lost", "overdue", "child_ended"}], left
            reasons = connection.execute(select(runs.c.reason).where(runs.c.reason == "internal_error")).all()
            assert not reasons
            self._attempts_add_up(connection)
            broken = check(connection, self._database.now())
            assert not [item for item in broken if item.invariant.name != "signal-overdue"], broken

    def _attempts_add_up(self, connection) -> None:  # type: ignore[no-untyped-def]
        """Attempts are numbered without a gap, at most one succeeded, and it is the last."""
        found = defaultdict(list)
        for row in connection.execute(select(attempts).order_by(attempts.c.number)):
            found[row.task_run_id].append(row)
        for row in connection.execute(select(task_runs)):
            ended = found[row.id]
            assert [attempt.number for attempt in ended] == list(range(1, len(ended) + 1))
            succeeded = [attempt.number for attempt in ended if attempt.state == "succeeded"]
            assert len(succeeded) <= row.tries + 1  # a sensor's tries succeed one by one
            if succeeded and row.tries == 0:
                assert row.state == "succeeded"
                assert succeeded == [len(ended)]
            if row.attempt > 0 and row.kind == "run" and row.state == "succeeded" and row.reason is None:
                assert succeeded[-1:] == [row.attempt]
        assert connection.execute(select(func.count()).select_from(revisions)).scalar_one() == 2
        self._children_are_one_an_attempt(connection)

    def _children_are_one_an_attempt(self, connection) -> None:  # type: ignore[no-untyped-def]
        """Every child run belongs to an attempt, and has ended as that attempt says."""
        for child in connection.execute(select(runs).where(runs.c.parent_task_run.is_not(None))):
            parent = connection.execute(select(task_runs).where(task_runs.c.id == child.parent_task_run)).one()
            assert 1 <= child.parent_attempt <= parent.attempt

    def _arrow(self, seen: dict[str, State], name: str, state: State, reach: dict[State, set[State]]) -> None:
        before = seen.get(name)
        # A second attempt passes through states that the first has been in: reach covers that.
        assert before is None or before == state or state in reach.get(before, ()), f"{name}: {before} -> {state}"
        seen[name] = state

    def _one_claim_an_attempt(self) -> None:
        claims: dict[str, set[str]] = defaultdict(set)
        for worker in self._workers:
            for attempt, claim_id in worker.grants:
                claims[attempt].add(claim_id)
        doubled = {attempt: found for attempt, found in claims.items() if len(found) > 1}
        assert not doubled, f"granted to two claims: {doubled}"
