"""A person's answer to an approval: kept as a signal, which the run's executor applies; the first one counts."""

from dataclasses import dataclass

from engine.broker.interface import Broker
from engine.clock import Clock, system_clock
from engine.machine.changes import NewSignal
from engine.machine.states import Reason, TaskState
from engine.services.refusals import ConflictError, UnknownError
from engine.services.wakes import wake
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.reads_runs import read_run
from engine.store.reads_tasks import TaskRow, find_task_run
from engine.store.signals import insert_signals

COMMENT_CHARACTERS_MAX = 2000


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says."""

    approved: bool
    by: str
    comment: str = ""


class Approvals:
    """Takes answers. May be called from any thread."""

    def __init__(self, database: Database, broker: Broker, clock: Clock = system_clock) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock

    def decide(self, run_id: str, task: str, key: str, decision: Decision) -> TaskRow:
        """Answer the approval `task` of a run; `key` names the item of a fan-out. Return it as it was before.

        The same answer twice changes nothing. Raises `UnknownError` where there is no such run or task run,
        `ConflictError` where the task is no approval, or no longer waits.
        """
        with self._database.write() as connection:
            row = _asked(connection, run_id, task, key)
            payload = {"task_run_id": row.id, "approved": decision.approved, "by": decision.by}
            payload["comment"] = decision.comment
            signal = NewSignal("decided", payload, self._clock(), f"decided:{row.id}")
            insert_signals(connection, [(run_id, signal)])
        wake(self._broker, [run_id])
        return row


def _asked(connection: Connection, run_id: str, task: str, key: str) -> TaskRow:
    if read_run(connection, run_id) is None:
        raise UnknownError(f"there is no run {run_id}")
    row = find_task_run(connection, run_id, task, key)
    named = f"'{task}[{key}]'" if key else f"'{task}'"
    if row is None:
        raise UnknownError(f"task {named} of run {run_id} does not exist, or its turn has not come yet")
    if row.kind != "approval":
        raise ConflictError(f"task {named} is of kind {row.kind}; only an approval can be answered")
    if row.state != TaskState.WAITING or row.reason != Reason.APPROVAL:
        raise ConflictError(f"task {named} does not wait for an answer: it is {row.state}")
    return row
