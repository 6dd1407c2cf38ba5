"""One run with an engine and a worker of its own, in a directory that is thrown away."""

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cli.errors import CliError
from cli.nodes import Parts, WorkerService, engine_services, worker_service
from dsl.model import Workflow
from engine.broker import MemoryBroker
from engine.broker.logs import unpack
from engine.clock import new_id
from engine.machine.creation import check_inputs, new_run
from engine.machine.graph import Graph
from engine.services.node import Node
from engine.services.wakes import wake
from engine.settings import Settings
from engine.store.database import Database
from engine.store.local import store_workflow
from engine.store.reads_logs import list_log_batches, log_standing
from engine.store.reads_runs import read_run, read_run_values
from engine.store.reads_tasks import TaskRow, list_tasks
from engine.store.runs import create_runs
from engine.store.schema import migrate
from engine.telemetry.context import of_environment

READY_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.02
TASKS_MAX: Final = 10_000
LOG_SECONDS_MAX: Final = 10.0


class LocalRun:
    """An engine for one run. Use as a context manager; `result` is there after `start` and final once it has ended."""

    def __init__(self, directory: Path) -> None:
        settings = Settings.read({}, state_dir=directory, allow_processes=True)
        self._database = Database.open(settings.store_url)
        self._broker = MemoryBroker()
        parts = Parts(settings, self._broker, self._database)
        self._worker: WorkerService = worker_service(parts)
        self._node = Node([*engine_services(parts), self._worker])
        self._run_id = ""
        self._position = 0
        self._final: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        """Start the engine and the worker."""
        migrate(self._database)
        self._node.start()
        if not self._worker.worker.wait_ready(READY_SECONDS):
            self._node.stop()
            raise CliError("the worker did not become ready", "look at the log above; is the machine overloaded?")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both; a run that has not ended is stopped with its tasks."""
        try:
            self._final = self.result if self._run_id else {}
        finally:
            self._node.stop()
            self._broker.close()
            self._database.close()

    def start(self, workflow: Workflow, inputs: Mapping[str, Any], others: Iterable[Workflow] = ()) -> None:
        """Create the run; `others` can be its child runs. Raises `CliError` for inputs that do not fit."""
        graph = Graph.of(workflow)
        if faults := check_inputs(graph, inputs):
            raise CliError("; ".join(f"input {fault.name} {fault.message}" for fault in faults))
        now = self._database.now()
        with self._database.write() as connection:
            for other in others:
                store_workflow(connection, other, new_id, now)
            workflow_id, revision_id = store_workflow(connection, workflow, new_id, now)
            run = new_run(
                run_id=new_id(),
                graph=graph,
                workflow_id=workflow_id,
                revision_id=revision_id,
                revision=1,
                trigger={"kind": "manual", "name": "run"},
                inputs=inputs,
                now=now,
                trace=of_environment(os.environ),
            )
            create_runs(connection, [run])
        self._run_id = run.id
        wake(self._broker, [run.id])

    @property
    def ended(self) -> bool:
        """Whether the run has ended and every log line is here."""
        with self._database.read() as connection:
            standing = log_standing(connection, self._run_id)
        if standing is None or not standing.ended or standing.finished_at is None:
            return False
        waited = (self._database.now() - standing.finished_at).total_seconds()
        return standing.missing == 0 or waited > LOG_SECONDS_MAX

    @property
    def result(self) -> dict[str, Any]:
        """The run, as far as it has come."""
        if self._final is not None:
            return self._final
        with self._database.read() as connection:
            row = read_run(connection, self._run_id)
            values = read_run_values(connection, self._run_id)
            tasks = list_tasks(connection, self._run_id, limit=TASKS_MAX)
        assert row is not None
        return {
            "id": row.id,
            "state": str(row.state),
            "reason": row.reason,
            "message": row.message,
            "inputs": values.inputs,
            "outputs": values.outputs,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "tasks": [
                {"task": task.name, "state": str(task.state), "message": task.message, "outputs": task.outputs}
                for task in tasks
            ],
        }

    def tasks(self) -> list[TaskRow]:
        """Return the task runs that have left `pending`."""
        with self._database.read() as connection:
            return list(list_tasks(connection, self._run_id, limit=TASKS_MAX))

    def new_lines(self) -> list[tuple[str, str, str]]:
        """Return the log lines since the last call: task, stream, text."""
        with self._database.read() as connection:
            batches = list_log_batches(connection, self._run_id, after=self._position, limit=100)
        lines: list[tuple[str, str, str]] = []
        for batch in batches:
            self._position = batch.pos
            lines += [(batch.task, line.stream, line.text) for line in unpack(batch.data)]
        return lines

    def wait(self) -> None:
        """Wait for the run's end."""
        pause = threading.Event()
        while not self.ended:
            pause.wait(LOOK_SECONDS)
