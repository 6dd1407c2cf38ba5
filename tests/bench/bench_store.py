"""What the store costs a run: `python -m tests.bench.bench_store [DATABASE_URL]`, rows a second and milliseconds a run.

The real machine decides what is written; only the store is timed. Without a URL: SQLite in a temporary directory.
"""

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median

from sqlalchemy import insert

from dsl.model import Task, Workflow, encode
from engine.clock import new_id
from engine.machine.advance import advance
from engine.machine.changes import Changes
from engine.machine.creation import new_run
from engine.machine.events import Claimed, Ended, Event, Start
from engine.machine.execution import Execution
from engine.machine.graph import Graph
from engine.machine.model import Run
from engine.machine.states import AttemptState
from engine.store.database import Database
from engine.store.logs import NewBatch, append_batches
from engine.store.runs import WorkflowCache, Written, commit, create_runs, load_runs
from engine.store.schema import migrate
from engine.store.signals import due_signals
from engine.store.tables import revisions, workflows

BATCH = 500
ROUNDS = 7
ROWS_A_RUN = {"create": 2, "start": 2, "grant": 2, "finish": 3, "logs": 1}


class Bench:
    """Batches of single-task runs from their creation to their end, timed by step."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.workflow = Workflow(name="bench", tasks={"only": Task(id="only", kind="run", spec={"script": "true"})})
        self.graph = Graph.of(self.workflow)
        self.workflow_id, self.revision_id, self.session = new_id(), new_id(), new_id()
        self.cache = WorkflowCache()
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self._store_workflow()

    def round(self) -> None:
        """Take one batch of runs through their whole life."""
        created = [self._new_run() for _ in range(BATCH)]
        with self.timed("create"), self.database.write() as connection:
            create_runs(connection, created)
        ids = [run.id for run in created]
        with self.timed("load"), self.database.read() as connection:
            loaded = load_runs(connection, ids, self.cache)
            due_signals(connection, ids, _now())
        executions = [Execution.of(run, self.graph) for run in loaded.values()]
        self._commit("start", executions, lambda _: Start())
        self._commit("grant", executions, self._claim)
        self._commit("finish", executions, self._end)
        with self.timed("logs"), self.database.write() as connection:
            batches = [NewBatch(f"{run_id}-0", 1, self.session, 1, 3, b"x" * 200) for run_id in ids]
            append_batches(connection, batches, _now())

    def _commit(self, step: str, executions: Sequence[Execution], event: Callable[[Execution], Event]) -> None:
        batch: list[Changes] = [advance(execution, [event(execution)], _now()) for execution in executions]
        with self.timed(step), self.database.write() as connection:
            result = commit(connection, Written(batch), _now())
        assert len(result.winners) == len(batch)

    def _claim(self, execution: Execution) -> Claimed:
        return Claimed(f"{execution.run.id}-0", 1, self.session, self.session, "bench", "reply")

    def _end(self, execution: Execution) -> Ended:
        return Ended(
            f"{execution.run.id}-0",
            1,
            self.session,
            "reply",
            AttemptState.SUCCEEDED,
            exit_code=0,
            started_at=_now(),
            finished_at=_now(),
        )

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[step].append(time.perf_counter() - begin)

    def _new_run(self) -> Run:
        return new_run(
            run_id=new_id(),
            graph=self.graph,
            workflow_id=self.workflow_id,
            revision_id=self.revision_id,
            revision=1,
            trigger={"kind": "manual"},
            inputs={},
            now=_now(),
        )

    def _store_workflow(self) -> None:
        now = _now()
        workflow = {"id": self.workflow_id, "namespace": "default", "name": self.workflow_id, "source": "bench"}
        revision = {"id": self.revision_id, "workflow_id": self.workflow_id, "number": 1, "digest": "", "source": ""}
        compiled = encode(self.workflow)
        with self.database.write() as connection:
            connection.execute(
                insert(workflows).values(**workflow, labels={}, ready={}, created_at=now, updated_at=now)
            )
            connection.execute(
                insert(revisions).values(**revision, path="", document={}, compiled=compiled, created_at=now)
            )


def _now() -> datetime:
    return datetime.now(UTC)


def main(url: str) -> None:
    """Run the bench and print its table."""
    database = Database.open(url)
    migrate(database)
    bench = Bench(database)
    for _ in range(ROUNDS):
        bench.round()
    print(f"{database.dialect}: batches of {BATCH} single-task runs, medians of {ROUNDS}")
    total = 0.0
    for step, seconds in bench.seconds.items():
        each = median(seconds) / BATCH
        total += each
        rate = f"{ROWS_A_RUN[step] / each:10,.0f} rows/s" if step in ROWS_A_RUN else ""
        print(f"  {step:7} {each * 1000:7.4f} ms/run {rate}")
    print(f"  {'all':7} {total * 1000:7.4f} ms/run")
    database.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as directory:
            main(f"sqlite:///{directory}/bench.db")
