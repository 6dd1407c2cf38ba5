"""Runs and task runs: created, loaded, and written by the executor's one transaction."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update

from dsl.model import Workflow, decode
from engine.events.of_runs import of_changes, of_created
from engine.machine.changes import Changes, NewSignal
from engine.machine.model import RUN_ID_LENGTH, Run, TaskRun
from engine.store import holders, signals
from engine.store.artifacts import keep_artifacts
from engine.store.bulk import Bulk
from engine.store.cache_entries import keep_cached
from engine.store.feed import enter
from engine.store.membership import one_of, one_of_named
from engine.store.rollups_noted import note_ended
from engine.store.run_rows import (
    TASK_FIXED,
    TASK_VALUES,
    LoadedRevision,
    attempt_row,
    inserted_run,
    inserted_task,
    loaded_run,
    loaded_task,
    run_values,
    task_values,
)
from engine.store.tables import attempts, revisions, run_data, run_labels, runs, task_runs

WORKFLOWS_MAX: Final = 512

_run_insert = Bulk(
    runs,
    ["id", "workflow_id", "revision_id", "state", "message", "trigger_kind", "trigger_name", "retry_of"]
    + ["parent_task_run", "parent_attempt", "concurrency_resource", "backfill_id", "created_at"],
)
_data_insert = Bulk(run_data, ["run_id", "inputs", "trigger", "labels", "fault", "trace"])
_label_insert = Bulk(run_labels, ["key", "value", "run_id", "workflow_id"])
_run_update = Bulk(
    runs,
    ["id", "version", "state", "reason", "message", "phase", "outcome", "stop", "forced", "started_at", "finished_at"],
    keys=2,
    version="version",
)
_outputs_update = Bulk(run_data, ["run_id", "outputs"])
_task_insert = Bulk(task_runs, ["id", *TASK_VALUES, *TASK_FIXED])
_task_update = Bulk(task_runs, ["id", *TASK_VALUES])
_attempt_insert = Bulk(
    attempts,
    ["task_run_id", "number", "run_id", "state", "reason", "message", "exit_code", "worker", "session", "claim_id"]
    + ["log_batches", "queued_at", "started_at", "finished_at"],
)

_of_data = ("inputs", "trigger", "labels", "outputs", "fault", "trace")
_runs_query = (
    select(runs, *(run_data.c[name] for name in _of_data))
    .join(run_data, run_data.c.run_id == runs.c.id)
    .where(one_of_named(runs.c.id, "ids"))
)
_task_runs_query = select(task_runs).where(one_of_named(task_runs.c.run_id, "run_ids"))


class WorkflowCache:
    """Compiled workflows by revision, the last used kept."""

    def __init__(self) -> None:
        self._workflows: OrderedDict[str, LoadedRevision] = OrderedDict()

    def load(self, connection: Connection, revision_ids: Iterable[str]) -> dict[str, LoadedRevision]:
        """Return these revisions; what is not here is read. One that cannot be read is a workflow without tasks."""
        wanted = set(revision_ids)
        for revision_id in wanted & self._workflows.keys():
            self._workflows.move_to_end(revision_id)
        if missing := wanted - self._workflows.keys():
            query = select(revisions.c.id, revisions.c.compiled, revisions.c.number, revisions.c.commit)
            for row in connection.execute(query.where(one_of(revisions.c.id, missing))):
                self._workflows[row.id] = _decoded(row.compiled, row.number, row.commit)
        nothing = LoadedRevision(Workflow(name="?", tasks={}), unreadable="the revision is not there")
        loaded = {revision_id: self._workflows.get(revision_id, nothing) for revision_id in wanted}
        while len(self._workflows) > WORKFLOWS_MAX:
            self._workflows.popitem(last=False)
        return loaded


def _decoded(compiled: bytes, number: int, commit: str | None) -> LoadedRevision:
    try:
        return LoadedRevision(decode(compiled), number, commit)
    except ValueError as error:
        return LoadedRevision(Workflow(name="?", tasks={}), number, commit, unreadable=str(error))


@dataclass(slots=True)
class CommitResult:
    """What became of a batch: whose changes were written, whose were not, and which runs have a signal to read."""

    winners: set[str] = field(default_factory=set)
    losers: set[str] = field(default_factory=set)
    woken: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction of an executor writes.

    `applied` names the signals that each run's changes answer to, `dispatched` task runs whose offer is known to be in
    the broker, `born` the child runs of each run, `capacities` the units of each slot that the installation has.
    """

    batch: Sequence[Changes]
    applied: Mapping[str, Sequence[int]] = field(default_factory=dict)
    dispatched: Sequence[str] = ()
    born: Mapping[str, Sequence[Run]] = field(default_factory=dict)
    capacities: Mapping[str, int] = field(default_factory=dict)


def create_runs(connection: Connection, created: Sequence[Run]) -> None:
    """Insert queued runs with their data, labels and taken-over task runs."""
    _run_insert.insert(connection, [inserted_run(run) for run in created])
    _data_insert.insert(connection, [_data_row(run) for run in created])
    labels = [(key[:100], str(value)[:200], run) for run in created for key, value in run.labels.items()]
    rows = [(key, value, run.id, run.workflow_id) for key, value, run in labels]
    _label_insert.insert(connection, rows, ignore_conflicts=True)
    taken_over = [inserted_task(task_run, run.id) for run in created for task_run in run.tasks.values()]
    _task_insert.insert(connection, taken_over)
    enter(connection, of_created(created))


def _data_row(run: Run) -> tuple[object, ...]:
    return (run.id, run.inputs, run.trigger, run.labels, run.fault, run.trace or None)


def load_runs(connection: Connection, run_ids: Iterable[str], workflows: WorkflowCache) -> dict[str, Run]:
    """Return the runs that exist, with their task runs."""
    wanted = list(run_ids)
    if not wanted:
        return {}
    rows = list(connection.execute(_runs_query, {"ids": wanted}))
    compiled = workflows.load(connection, (row.revision_id for row in rows))
    loaded = {row.id: loaded_run(row, compiled[row.revision_id]) for row in rows}
    begun = [row.id for row in rows if row.version > 0 or row.retry_of is not None]
    if begun:
        for row in connection.execute(_task_runs_query, {"run_ids": begun}):
            _enter(loaded[row.run_id], loaded_task(row))
        for run in loaded.values():
            for items in run.items.values():
                items.sort(key=lambda item: item.index or 0)
    return loaded


def _enter(run: Run, task_run: TaskRun) -> None:
    if task_run.index is None:
        run.tasks[task_run.task] = task_run
    else:
        run.items.setdefault(task_run.task, []).append(task_run)


def commit(connection: Connection, written: Written, now: datetime) -> CommitResult:
    """Write what a batch changed: every run under the version seen, and all else only for the runs that were written.

    Changes in memory (versions, `stored`) are made at once; whoever calls this throws the executions away when the
    transaction is not committed.
    """
    ordered = sorted(written.batch, key=lambda changes: changes.run.id)
    result = CommitResult(winners=_write_runs(connection, ordered))
    result.losers = {changes.run.id for changes in ordered} - result.winners
    won = [changes for changes in ordered if changes.run.id in result.winners]
    _write_tasks(connection, won)
    _write_rest(connection, won, written.applied)
    keep_cached(connection, won, now)
    keep_artifacts(connection, won, now)
    children = [child for changes in won for child in written.born.get(changes.run.id, ())]
    create_runs(connection, children)
    ended = [changes.run.id for changes in won if changes.ended]
    signals.delete_of(connection, ended)
    note_ended(connection, ended)
    enter(connection, of_changes(won))
    result.woken = holders.settle(connection, won, now, written.capacities) | {child.id for child in children}
    result.woken |= _tell_others(connection, won, now)
    _note_dispatched(connection, written.dispatched, now)
    return result


def _write_runs(connection: Connection, batch: Sequence[Changes]) -> set[str]:
    rows = [run_values(changes) for changes in batch]
    winners = _run_update.update_found(connection, rows)
    for changes in batch:
        if changes.run.id in winners:
            changes.run.version = changes.seen_version + 1
    outputs = [(changes.run.id, changes.run.outputs) for changes in batch if changes.ended and changes.run.outputs]
    _outputs_update.update(connection, [row for row in outputs if row[0] in winners])
    return winners


def _write_tasks(connection: Connection, batch: Sequence[Changes]) -> None:
    inserted, updated = [], []
    for changes in batch:
        for task_run in changes.tasks.values():
            if task_run.stored:
                updated.append((task_run.id, *task_values(task_run)))
            else:
                inserted.append(inserted_task(task_run, changes.run.id))
                task_run.stored = True
    _task_insert.insert(connection, inserted)
    _task_update.update(connection, updated)


def _write_rest(connection: Connection, batch: Sequence[Changes], applied: Mapping[str, Sequence[int]]) -> None:
    ended = [attempt_row(changes.run.id, row) for changes in batch for row in changes.attempts]
    _attempt_insert.insert(connection, ended)
    kept = [(changes.run.id, signal) for changes in batch if not changes.ended for signal in changes.signals]
    signals.insert_signals(connection, kept)
    signals.delete_applied(connection, {changes.run.id: applied.get(changes.run.id, ()) for changes in batch})


def _tell_others(connection: Connection, batch: Sequence[Changes], now: datetime) -> set[str]:
    """Insert the signals to other runs: parents whose child has ended, children that are to stop."""
    told = [signal for changes in batch for signal in changes.told]
    told += [_child_ended(changes.run, now) for changes in batch if changes.ended and changes.run.parent_task_run]
    signals.insert_signals(connection, told)
    return {run_id for run_id, _ in told}


def _child_ended(run: Run, now: datetime) -> tuple[str, NewSignal]:
    assert run.parent_task_run is not None
    payload = {
        "task_run_id": run.parent_task_run,
        "attempt": run.parent_attempt,
        "state": str(run.state),
        "run_id": run.id,
        "message": run.message,
        "outputs": run.outputs or {},
    }
    return run.parent_task_run[:RUN_ID_LENGTH], NewSignal("child_ended", payload, now, f"child_ended:{run.id}")


def _note_dispatched(connection: Connection, task_run_ids: Sequence[str], now: datetime) -> None:
    if not task_run_ids:
        return
    unsent = (task_runs.c.state == "queued", task_runs.c.dispatched_at.is_(None))
    where = (one_of(task_runs.c.id, task_run_ids), *unsent)
    connection.execute(update(task_runs).where(*where).values(dispatched_at=now))
