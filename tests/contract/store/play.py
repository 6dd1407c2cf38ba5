"""Runs moved by the real machine and written by the real store."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dsl.model import Retry, Task, Workflow
from engine.clock import new_id
from engine.machine.advance import advance
from engine.machine.changes import Acquire, Changes, Want
from engine.machine.creation import new_run
from engine.machine.events import Claimed, Ended, Event
from engine.machine.execution import Execution
from engine.machine.graph import Graph
from engine.machine.model import Run
from engine.machine.states import AttemptState, Reason
from engine.store.database import Database
from engine.store.local import store_workflow
from engine.store.runs import CommitResult, WorkflowCache, Written, commit, create_runs, load_runs
from engine.store.signals import SignalRow, due_signals
from tests.contract.store.conftest import NOW
from tests.contract.store.rows import SESSION

FAR = NOW + timedelta(days=400)


class Play:
    """One workflow in one database. Each call is a transaction of its own."""

    def __init__(self, database: Database, *tasks: Task, **fields: Any) -> None:
        self.database = database
        chosen = tasks or (Task(id="a", kind="run", spec={"script": "true"}, retry=Retry(max_attempts=2)),)
        self.workflow = Workflow(name=new_id(), path="w.yaml", tasks={task.id: task for task in chosen}, **fields)
        self.graph = Graph.of(self.workflow)
        with database.write() as connection:
            self.workflow_id, self.revision_id = store_workflow(connection, self.workflow, new_id, NOW)

    def new_run(self, *, trigger: dict[str, Any] | None = None, **fields: Any) -> Run:
        return new_run(
            run_id=new_id(),
            graph=self.graph,
            workflow_id=self.workflow_id,
            revision_id=self.revision_id,
            revision=1,
            trigger=trigger or {"kind": "manual"},
            inputs={},
            now=NOW,
            **fields,
        )

    def create(self, number: int = 1, **fields: Any) -> list[str]:
        created = [self.new_run(**fields) for _ in range(number)]
        with self.database.write() as connection:
            create_runs(connection, created)
        return [run.id for run in created]

    def load(self, run_id: str) -> Execution:
        with self.database.read() as connection:
            return Execution.of(load_runs(connection, [run_id], WorkflowCache())[run_id], self.graph)

    def commit(
        self, *batch: Changes, applied: dict[str, list[int]] | None = None, dispatched: Sequence[str] = ()
    ) -> CommitResult:
        with self.database.write() as connection:
            return commit(connection, Written(batch, applied or {}, dispatched), NOW)

    def apply(self, run_id: str, *events: Event, now: datetime = NOW) -> Execution:
        """Load the run, apply the events, commit; return what is in memory then."""
        execution = self.load(run_id)
        result = self.commit(advance(execution, events, now))
        assert result.winners == {run_id}
        return execution

    def due(self, *run_ids: str, now: datetime = FAR) -> list[SignalRow]:
        with self.database.read() as connection:
            return due_signals(connection, run_ids, now)


def claim(run_id: str, attempt: int = 1, claim_id: str | None = None, session: str = SESSION) -> Claimed:
    return Claimed(f"{run_id}-0", attempt, claim_id or f"c{attempt}", session, "worker", "reply")


def end(run_id: str, attempt: int = 1, *, failed: bool = False, outputs: dict[str, Any] | None = None) -> Ended:
    return Ended(
        f"{run_id}-0",
        attempt,
        f"c{attempt}",
        "reply",
        AttemptState.FAILED if failed else AttemptState.SUCCEEDED,
        Reason.EXIT if failed else None,
        exit_code=1 if failed else 0,
        outputs=outputs or {},
        log_batches=2,
        started_at=NOW,
        finished_at=NOW,
    )


def asks(run: Run, resource: str, limit: int = 1, overlap: str = "queue", *, background: bool = False) -> Changes:
    """What the machine answers with for a queued run that wants its turn."""
    run.concurrency_resource = resource
    wants = (Want(resource, 1, limit),)
    acquire = Acquire(wants, overlap=overlap, background=background)
    return Changes(run=run, seen_version=run.version, run_dirty=True, acquires=[acquire])


def ends(run: Run) -> Changes:
    """What the machine answers with, as far as holders care, for a run that ends."""
    return Changes(run=run, seen_version=run.version, run_dirty=True, ended=True)
