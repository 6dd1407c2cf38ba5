"""The engine and workers in this process, without API, sync or schedules: what integration tests and benches run on."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
from sqlalchemy import func, select

from dsl.model import Workflow
from engine.broker import Broker, MemoryBroker
from engine.clock import new_id, system_clock
from engine.keyring import Keyring
from engine.machine.creation import new_run
from engine.machine.graph import Graph
from engine.machine.states import RUN_TERMINAL
from engine.services.executor import Executor
from engine.services.lease_keeper import LeaseKeeper
from engine.services.log_writer import LogWriter
from engine.services.node import Node
from engine.services.secrets import Secrets
from engine.services.sweeper import Sweeper
from engine.services.wakes import wake
from engine.store.database import Database
from engine.store.local import store_workflow
from engine.store.runs import create_runs
from engine.store.schema import migrate
from engine.store.tables import runs
from workers.config import WorkerConfig
from workers.runners.interface import Runner
from workers.worker import Worker


class Stored(NamedTuple):
    """A workflow that runs can be started of."""

    graph: Graph
    workflow_id: str
    revision_id: str


class Stack:
    """One of everything. Use as a context manager."""

    def __init__(
        self,
        directory: Path,
        *,
        database_url: str | None = None,
        brokers: Sequence[Broker] | None = None,
        slots: int = 8,
        runners: Sequence[Runner] = (),
        keyring: Keyring | None = None,
        capacities: Mapping[str, int] | None = None,
        **config: Any,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.database = Database.open(database_url or f"sqlite:///{directory / 'test.db'}")
        migrate(self.database)
        shared = MemoryBroker() if brokers is None else None
        self.broker, worker_broker, log_broker = (shared, shared, None) if shared else (*brokers, None)[:3]  # type: ignore[misc]
        self.broker.declare(list(config.get("pools", ["default"])))
        self.brokers = [shared] if shared else list(brokers or ())
        self.secrets = Secrets(self.database, keyring or Keyring([]))
        self.node = Node(
            [
                Sweeper(self.database, self.broker),
                LeaseKeeper(self.database, self.broker),
                LogWriter(self.database, self.broker),
                Executor(self.database, self.broker, capacities=capacities, secrets=self.secrets),
            ]
        )
        self.installation = f"test-{new_id()}"  # a worker removes containers of its installation that it does not know
        options = {
            "artifacts_url": str(directory / "artifacts"),
            "allow_processes": True,
            "installation": self.installation,
            **config,
        }
        self.worker = Worker(
            worker_broker,
            WorkerConfig(worker_id="test", state_dir=directory / "worker", slots=slots, **options),
            log_broker=log_broker,
            added_runners=runners,
        )

    def __enter__(self) -> Self:
        self.node.start()
        self.worker.start()
        assert self.worker.wait_ready(20), "the worker's hello was not answered"
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        assert self.worker.join(30), "the worker did not end"
        self.node.stop()
        for broker in self.brokers:
            broker.close()
        self.database.close()

    def submit(self, workflow: Workflow, number: int = 1, inputs: dict[str, Any] | None = None) -> list[str]:
        """Store the workflow under a name of its own and start runs of it."""
        return self.start(self.store(workflow), number, inputs)

    def store(self, workflow: Workflow) -> Stored:
        """Store the workflow under a name of its own."""
        return self.keep(msgspec.structs.replace(workflow, name=f"{workflow.name}-{new_id()}"))

    def keep(self, workflow: Workflow) -> Stored:
        """Store the workflow under its own name, which its namespace must not have yet."""
        with self.database.write() as connection:
            workflow_id, revision_id = store_workflow(connection, workflow, new_id, system_clock())
        return Stored(Graph.of(workflow), workflow_id, revision_id)

    def start(
        self,
        stored: Stored,
        number: int = 1,
        inputs: dict[str, Any] | None = None,
        trigger: dict[str, Any] | None = None,
    ) -> list[str]:
        """Create runs in one transaction, and wake them. `trigger` is what expressions see, manual unless given."""
        now = system_clock()
        created = [
            new_run(
                run_id=new_id(),
                graph=stored.graph,
                workflow_id=stored.workflow_id,
                revision_id=stored.revision_id,
                revision=1,
                trigger=trigger or {"kind": "manual"},
                trigger_name=(trigger or {}).get("name"),
                inputs=inputs or {},
                now=now,
            )
            for _ in range(number)
        ]
        with self.database.write() as connection:
            create_runs(connection, created)
        wake(self.broker, [run.id for run in created])
        return [run.id for run in created]

    def wait(self, run_ids: Iterable[str], seconds: float = 60) -> list[str]:
        """Wait until the runs have ended; return their states."""
        wanted = list(run_ids)
        ended = [str(state) for state in RUN_TERMINAL]
        deadline = threading.Event()
        timer = threading.Timer(seconds, deadline.set)
        timer.start()
        try:
            while not deadline.is_set():
                with self.database.read() as connection:
                    query = select(func.count()).select_from(runs).where(runs.c.id.in_(wanted))
                    if connection.execute(query.where(runs.c.state.in_(ended))).scalar_one() == len(wanted):
                        break
                deadline.wait(0.002)
        finally:
            timer.cancel()
        with self.database.read() as connection:
            found = dict(connection.execute(select(runs.c.id, runs.c.state).where(runs.c.id.in_(wanted))).all())
        return [found[run_id] for run_id in wanted]
