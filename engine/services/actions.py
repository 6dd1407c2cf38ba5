"""What a person may do: trigger and cancel runs; resume workflows. Running again is in `run_again`.

An action has happened when its transaction is committed. It then wakes the executor; a lost wake costs a sweep, nothing
else.
"""

from collections.abc import Callable, Mapping
from typing import Any

from engine.broker.interface import Broker
from engine.clock import Clock, NewId
from engine.machine.changes import NewSignal
from engine.machine.model import Run
from engine.machine.states import RUN_TERMINAL, Reason
from engine.services.making_runs import Once, Replay, RunMaker, existing, known, runnable
from engine.services.refusals import ConflictError
from engine.services.revision_cache import RevisionCache
from engine.services.run_again import RunAgain
from engine.services.wakes import wake
from engine.store import revisions
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.reads_runs import RunRow
from engine.store.reads_workflows import WorkflowRow, read_workflow
from engine.store.signals import insert_signals

__all__ = ["Actions", "Once", "Replay"]


class Actions:
    """The actions over one database and broker. Every method may be called from any thread.

    `again` retries, reruns and resumes runs that have ended.
    """

    def __init__(
        self, database: Database, broker: Broker, revision_cache: RevisionCache, clock: Clock, ids: NewId
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._maker = RunMaker(database, broker, revision_cache, clock, ids)
        self.again = RunAgain(database, self._maker)

    def trigger(
        self,
        namespace: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        labels: Mapping[str, str] | None = None,
        once: Once | None = None,
    ) -> Run | Replay:
        """Create a run of the active revision.

        A paused workflow runs when asked: pausing stops its triggers. Raises `UnknownError`, `ConflictError` (archived,
        or without a revision), `InvalidInputsError`, `KeyReusedError`.
        """
        with self._database.read() as connection:
            workflow = runnable(read_workflow(connection, namespace, name), namespace, name)
        scope = f"runs:{workflow.id}"
        if replay := self._maker.replay(scope, once):
            return replay
        revision = self._maker.revision(workflow.active_revision_id, workflow)
        run = self._maker.build(workflow, revision, inputs, labels or {})
        return self._maker.create(run, scope, once) or run

    def cancel(self, run_id: str, *, forced: bool, by: str, once: Once | None = None) -> RunRow | Replay:
        """Ask for a run's end. Forced: what was spared by an earlier cancel is stopped too, without grace.

        Raises `UnknownError`; `ConflictError` for a run that has ended; `KeyReusedError`.
        """
        scope = f"cancel:{run_id}"
        if replay := self._maker.replay(scope, once):
            return replay
        with self._database.write() as connection:
            run = existing(connection, run_id)
            if run.state in RUN_TERMINAL:
                raise ConflictError(f"run {run_id} has ended already: it {run.state}")
            if replay := self._maker.keep(connection, scope, once, run):
                return replay
            payload = {"by": by, "forced": forced, "reason": str(Reason.CANCELLED_BY_USER)}
            signal = NewSignal(kind="cancel", payload=payload, due_at=self._clock())
            insert_signals(connection, [(run_id, signal)])
        wake(self._broker, [run_id])
        return run

    def resume(self, namespace: str, name: str) -> WorkflowRow:
        """Let a workflow's triggers fire again; the time meanwhile is not caught up. Raises `UnknownError`."""
        return self._switch(namespace, name, lambda c, w: revisions.resume(c, w.id, self._clock()))

    def _switch(self, namespace: str, name: str, switch: Callable[[Connection, WorkflowRow], object]) -> WorkflowRow:
        with self._database.write() as connection:
            switch(connection, known(read_workflow(connection, namespace, name), namespace, name))
            return known(read_workflow(connection, namespace, name), namespace, name)
