"""How an action makes a run: built on a revision, checked, written once, and woken."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.broker.interface import Broker
from engine.clock import Clock, NewId
from engine.machine.creation import check_inputs, new_run
from engine.machine.model import Run
from engine.services.refusals import ConflictError, InvalidInputsError, KeyReusedError, UnknownError
from engine.services.revision_cache import ReadyRevision, RevisionCache
from engine.services.wakes import wake
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.idempotency import StoredAnswer, find_answer, keep_answer
from engine.store.reads_runs import RunRow, read_run
from engine.store.reads_workflows import WorkflowRow
from engine.store.runs import create_runs
from engine.telemetry.context import carrier_here

MANUAL: Final = "manual"


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is to be carried out once: the caller's key, the body's digest, and what to answer.

    `answer` makes of what the action gives what is kept (JSON values) and given again.
    """

    key: str
    body_digest: str
    status: int
    answer: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that an earlier request under the same key was given."""

    response: Any


class RunMaker:
    """Makes runs over one database and broker. Every method may be called from any thread."""

    def __init__(
        self, database: Database, broker: Broker, revision_cache: RevisionCache, clock: Clock, ids: NewId
    ) -> None:
        self._database = database
        self._broker = broker
        self._revisions = revision_cache
        self._clock = clock
        self._ids = ids
        self._evaluating = threading.Lock()

    def replay(self, scope: str, once: Once | None) -> Replay | None:
        """Return the answer of an earlier request under the same key. Raises `KeyReusedError`."""
        if once is None:
            return None
        with self._database.read() as connection:
            found = find_answer(connection, scope, once.key, self._clock())
        return None if found is None else replay_of(found, once)

    def revision(self, revision_id: str | None, workflow: WorkflowRow) -> ReadyRevision:
        """Return the revision, made ready. Raises `ConflictError` where there is none, or one that cannot be run."""
        name = f"{workflow.namespace}/{workflow.name}"
        if revision_id is None:
            raise ConflictError(f"{name} has no revision that could run")
        try:
            return self._revisions.get(revision_id)
        except ValueError as error:
            raise ConflictError(f"the revision of {name} cannot be run by this program: {error}") from error

    def build(
        self,
        workflow: WorkflowRow,
        revision: ReadyRevision,
        inputs: Mapping[str, Any],
        labels: Mapping[str, str],
        *,
        trigger: Mapping[str, Any] | None = None,
        retry_of: str | None = None,
    ) -> Run:
        """Return a run that nobody knows of yet. What `trigger` says is kept, but for its kind and time.

        Raises `InvalidInputsError`.
        """
        if faults := check_inputs(revision.graph, inputs):
            raise InvalidInputsError(f"the inputs do not fit {workflow.namespace}/{workflow.name}", faults)
        now = self._clock()
        with self._evaluating:
            run = new_run(
                run_id=self._ids(),
                graph=revision.graph,
                workflow_id=workflow.id,
                revision_id=revision.id,
                revision=revision.number,
                trigger={**(trigger or {}), "kind": MANUAL, "fired_at": now.isoformat()},
                inputs=inputs,
                now=now,
                labels=labels,
                retry_of=retry_of,
                commit=revision.commit,
                trace=carrier_here(),
            )
        if run.fault:
            raise InvalidInputsError(run.fault, [])
        return run

    def create(self, run: Run, scope: str, once: Once | None, made: Any = None) -> Replay | None:
        """Write the run and wake its executor, unless a request under the same key was first: then its answer.

        What is kept is `once.answer(made)`, or of the run itself.
        """
        with self._database.write() as connection:
            if replay := self.keep(connection, scope, once, run if made is None else made):
                return replay
            create_runs(connection, [run])
        wake(self._broker, [run.id])
        return None

    def keep(self, connection: Connection, scope: str, once: Once | None, made: Any) -> Replay | None:
        """Keep the answer in the caller's transaction, or return the one that is there already."""
        if once is None:
            return None
        now = self._clock()
        if keep_answer(
            connection, scope, once.key, StoredAnswer(once.body_digest, once.status, once.answer(made)), now
        ):
            return None
        found = find_answer(connection, scope, once.key, now)
        assert found is not None, "an answer that is in the way can be read"
        return replay_of(found, once)


def replay_of(found: StoredAnswer, once: Once) -> Replay:
    """Return the earlier answer. Raises `KeyReusedError` if it was given to another request."""
    if found.body_digest != once.body_digest:
        raise KeyReusedError(
            f"the idempotency key {once.key!r} was used for another request in the last 24 hours\n"
            "  hint: draw a new key for each new request"
        )
    return Replay(found.response)


def known(workflow: WorkflowRow | None, namespace: str, name: str) -> WorkflowRow:
    """Return the workflow. Raises `UnknownError` where there is none."""
    if workflow is None:
        raise UnknownError(f"there is no workflow {namespace}/{name}")
    return workflow


def runnable(workflow: WorkflowRow | None, namespace: str, name: str) -> WorkflowRow:
    """Return the workflow. Raises `UnknownError`, and `ConflictError` for one that was removed."""
    found = known(workflow, namespace, name)
    if found.archived_at is not None:
        raise ConflictError(f"workflow {namespace}/{name} was removed from its source; it does not run any more")
    return found


def existing(connection: Connection, run_id: str) -> RunRow:
    """Return the run. Raises `UnknownError` where there is none."""
    run = read_run(connection, run_id)
    if run is None:
        raise UnknownError(f"there is no run {run_id}")
    return run
