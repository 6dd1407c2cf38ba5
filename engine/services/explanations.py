"""Why a run or a workflow is not running: what the engine asks before it goes on, each question with its answer.

The answers come from the rows that the engine itself decides by. `ok` means: this does not keep it from going on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dsl.model import ENGINE_KINDS
from engine.machine.graph import Graph, stages_until, worker_pools
from engine.machine.states import RUN_TERMINAL, TASK_TERMINAL, Phase, Reason, RunState, TaskState
from engine.store.connection import Connection
from engine.store.reads_backfills import OPEN, BackfillFilter, BackfillRow, count_runs, list_backfills, pools_in_demand
from engine.store.reads_runs import RunRow
from engine.store.reads_tasks import TaskRow, list_open_tasks, list_task_states
from engine.store.reads_workers import (
    SessionRow,
    count_pool_tasks,
    last_session_of_pool,
    list_holders,
    list_sessions,
    read_capacity,
)
from engine.store.reads_workflows import TriggerRow, WorkflowRow, read_triggers

TASKS_MAX: Final = 100
SESSIONS_MAX: Final = 1000
HOLDERS_MAX: Final = 1000
BACKFILLS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One question that the engine asks, whether its answer lets things go on, and the answer to a person."""

    check: str
    ok: bool
    detail: str

    @classmethod
    def yes(cls, check: str, detail: str) -> "Check":
        """Return an answer that lets things go on."""
        return cls(check=check, ok=True, detail=detail)

    @classmethod
    def no(cls, check: str, detail: str) -> "Check":
        """Return an answer that keeps things from going on."""
        return cls(check=check, ok=False, detail=detail)


class Explainer:
    """Answers on one connection, at one moment."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._sessions: list[SessionRow] | None = None
        self._pools: dict[tuple[str, str], Check] = {}

    def run(self, run: RunRow, graph: Graph) -> list[Check]:
        """Return what a run waits for."""
        if run.state in RUN_TERMINAL:
            return [Check.yes("state", f"the run {run.state} at {_moment(run.finished_at)}; {_why(run)}")]
        if run.state == RunState.QUEUED:
            return list(self._queued(run))
        return list(self._running(run, graph))

    def workflow(self, workflow: WorkflowRow, graph: Graph | None) -> list[Check]:
        """Return whether the workflow can run, and when it will."""
        return list(self._of_workflow(workflow, graph))

    def _queued(self, run: RunRow) -> Iterator[Check]:
        if run.stop is not None:
            yield Check.no("stop", f"the run is being stopped: {run.stop}")
        if run.reason == Reason.CONCURRENCY and run.concurrency_resource is not None:
            yield self._place(run.concurrency_resource, run.id)
        else:
            since = (self._now - run.created_at).total_seconds()
            yield Check(
                "executor", since < 2, f"queued for {since:.1f} s; an executor starts it as soon as it is woken"
            )

    def _place(self, resource: str, run_id: str) -> Check:
        rows = list_holders(self._connection, resource, limit=HOLDERS_MAX)
        held = [row.run_id for row in rows if row.held_at is not None]
        waiting = [row.run_id for row in rows if row.held_at is None]
        if run_id in held:
            return Check.yes("concurrency", f"the run holds {resource}")
        place = waiting.index(run_id) + 1 if run_id in waiting else len(waiting) + 1
        capacity = read_capacity(self._connection, resource)
        return Check.no(
            "concurrency",
            f"{resource} allows {capacity if capacity is not None else '?'} at once and is held by "
            f"{_some(held, 'run')}; this run is number {place} in line",
        )

    def _running(self, run: RunRow, graph: Graph) -> Iterator[Check]:
        if run.stop is not None:
            yield Check.no("stop", f"the run is being stopped ({run.stop}): {run.message}")
        open_tasks = list_open_tasks(self._connection, run.id, limit=TASKS_MAX)
        for row in open_tasks:
            yield self._open_task(row)
        yield from self._pending(run, graph, limit=TASKS_MAX - len(open_tasks))

    def _open_task(self, row: TaskRow) -> Check:
        name = f"task {row.name}"
        match row.state:
            case TaskState.QUEUED:
                pool = self._pool(row.pool, row.kind)
                since = _moment(row.queued_at)
                return Check(
                    name, pool.ok, f"attempt {row.attempt} is queued since {since} for pool {row.pool}: {pool.detail}"
                )
            case TaskState.WAITING:
                return Check.no(name, row.message + (f"; due at {_moment(row.due_at)}" if row.due_at else ""))
            case TaskState.RUNNING:
                return self._running_task(name, row)
            case _:
                return Check.no(name, row.message or f"is {row.state}")

    def _running_task(self, name: str, row: TaskRow) -> Check:
        live = any(session.id == row.session and session.live(self._now) for session in self._live_sessions())
        if row.attempt == 0:
            return Check.yes(name, "is a fan-out whose items go on")
        if row.child_run is not None:
            return Check.yes(name, f"attempt {row.attempt} is run {row.child_run}; ask for its explanation")
        where = f"attempt {row.attempt} runs on worker {row.worker} since {_moment(row.attempt_started_at)}"
        if row.stop:
            return Check(name, live, f"{where} and was told to stop")
        if not live:
            return Check.no(name, f"{where}, whose session is not live: it is about to be lost")
        return Check.yes(name, f"{where}" + (f"; must end by {_moment(row.deadline_at)}" if row.deadline_at else ""))

    def _pending(self, run: RunRow, graph: Graph, limit: int) -> Iterator[Check]:
        states = list_task_states(self._connection, run.id)
        for name in self._current(run, graph):
            task = graph.tasks[name]
            if states.get(name, TaskState.PENDING) != TaskState.PENDING:
                continue
            if limit <= 0:
                return
            limit -= 1
            unmet = [
                f"{need} ({states.get(need, TaskState.PENDING)})"
                for need in task.needs
                if states.get(need) not in TASK_TERMINAL
            ]
            yield Check(f"task {name}", not unmet, f"needs {', '.join(unmet)}" if unmet else "is about to start")

    def _current(self, run: RunRow, graph: Graph) -> tuple[str, ...]:
        """Return the tasks of the phase that the run is in."""
        outcome = RunState(run.outcome) if run.outcome else None
        return graph.stages[stages_until(Phase(run.phase), outcome)[-1]]

    def _pool(self, pool: str, kind: str) -> Check:
        if (pool, kind) not in self._pools:
            self._pools[pool, kind] = self._ask_pool(pool, kind)
        return self._pools[pool, kind]

    def _ask_pool(self, pool: str, kind: str) -> Check:
        serving = [row for row in self._live_sessions() if pool in row.pools and row.live(self._now)]
        if not serving:
            last = last_session_of_pool(self._connection, pool)
            since = "it never had one" if last is None else f"the last was heard of at {_moment(last.seen_at)}"
            return Check.no(f"pool {pool}", f"no live worker ({since})")
        able = [row for row in serving if kind in row.kinds and not row.draining]
        if not able:
            return Check.no(f"pool {pool}", f"none of its workers takes tasks of kind {kind}")
        counts = count_pool_tasks(self._connection, pool)
        slots, busy = sum(row.slots for row in able), counts.get(TaskState.RUNNING, 0)
        detail = f"{slots} live slots, {busy} of them busy, {counts.get(TaskState.QUEUED, 0)} queued"
        return Check(f"pool {pool}", busy < slots, detail)

    def _live_sessions(self) -> list[SessionRow]:
        if self._sessions is None:
            self._sessions = list_sessions(self._connection, ended=False, before=None, limit=SESSIONS_MAX)
        return self._sessions

    def _of_workflow(self, workflow: WorkflowRow, graph: Graph | None) -> Iterator[Check]:
        if workflow.archived_at is not None:
            yield Check.no("archived", f"removed from source {workflow.source} at {_moment(workflow.archived_at)}")
            return
        yield Check.yes("archived", f"source {workflow.source} has it at {workflow.path}")
        if workflow.paused_at is not None:
            by, reason = workflow.paused_by or "nobody known", workflow.pause_reason or "no reason given"
            yield Check.no("paused", f"paused by {by} since {_moment(workflow.paused_at)}: {reason}")
        else:
            yield Check.yes("paused", "not paused")
        if graph is None:
            yield Check.no("revision", "no revision was ever applied")
            return
        yield Check.yes("revision", f"revision {workflow.active_revision} is active")
        yield from self._triggers(workflow)
        yield from self._backfills(workflow, graph)
        if graph.workflow.concurrency is not None:
            yield self._concurrency(workflow, graph.workflow.concurrency.limit)
        tasks = graph.tasks.values()
        for pool, kind in sorted({(task.pool, task.kind) for task in tasks if task.kind not in ENGINE_KINDS}):
            yield self._pool(pool, kind)

    def _triggers(self, workflow: WorkflowRow) -> Iterator[Check]:
        triggers = read_triggers(self._connection, workflow.id)
        if not triggers:
            yield Check.no("triggers", "it has no triggers: it runs only when asked")
        for trigger in triggers:
            yield _of_trigger(trigger, paused=workflow.paused_at is not None)

    def _backfills(self, workflow: WorkflowRow, graph: Graph) -> Iterator[Check]:
        wanted = BackfillFilter(workflow_id=workflow.id, states=OPEN)
        found = list_backfills(self._connection, wanted, before=None, limit=BACKFILLS_MAX)
        counts = count_runs(self._connection, [row.id for row in found])
        wanted_elsewhere = pools_in_demand(self._connection, worker_pools(graph), self._now) if found else []
        for row in found:
            yield _of_backfill(row, counts[row.id], wanted_elsewhere)

    def _concurrency(self, workflow: WorkflowRow, limit: int) -> Check:
        resource = f"concurrency:{workflow.namespace}/{workflow.name}"
        rows = list_holders(self._connection, resource, limit=HOLDERS_MAX, keys=True)
        held = [row.run_id for row in rows if row.held_at is not None]
        waiting = len(rows) - len(held)
        detail = f"at most {limit} at once; held by {_some(held, 'run')}, {waiting} in line"
        return Check("concurrency", len(held) < limit, detail)


def _of_trigger(trigger: TriggerRow, *, paused: bool) -> Check:
    name = f"trigger {trigger.name}"
    if trigger.next_at is None:
        return Check.no(name, f"{trigger.kind}: no firing is to come" if not paused else "rests while paused")
    return Check(name, not paused, f"{trigger.kind}: next firing at {_moment(trigger.next_at)}")


def _of_backfill(row: BackfillRow, runs: Mapping[RunState, int], wanted_elsewhere: Sequence[str]) -> Check:
    """Say how a backfill stands: it keeps nothing else from going on."""
    live = sum(number for state, number in runs.items() if state not in RUN_TERMINAL)
    failed = runs.get(RunState.FAILED, 0)
    on_the_way = "1 run on its way" if live == 1 else f"{live} runs on their way"
    parts = [
        f"{row.state}: trigger {row.trigger}, {_moment(row.since)} to {_moment(row.until)}",
        f"{row.made + row.skipped} of {row.total} times decided, {on_the_way}",
        f"{failed} failed" if failed else "",
        f"makes no runs while tasks of others wait for pool {', '.join(wanted_elsewhere)}" if wanted_elsewhere else "",
        row.message,
    ]
    return Check.yes(f"backfill {row.id}", "; ".join(part for part in parts if part))


def summary_of(checks: list[Check]) -> str:
    """Return the checks in a sentence: what keeps it, or that nothing does."""
    blocking = [f"{check.check}: {check.detail}" for check in checks if not check.ok]
    return "; ".join(blocking[:3]) if blocking else "nothing keeps it from going on"


def _why(run: RunRow) -> str:
    return run.message or (f"reason: {run.reason}" if run.reason else "nothing went wrong")


def _moment(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _some(ids: list[str], noun: str) -> str:
    if not ids:
        return f"no {noun}"
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return f"{noun} {', '.join(ids[:3])}{more}"
