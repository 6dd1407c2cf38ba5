"""Runs: what is created is what is loaded; a commit writes all of a run's changes, or nothing of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from dsl.model import Retry, Task, ValueType
from engine.machine.advance import advance
from engine.machine.changes import NewSignal
from engine.machine.events import Cancel, Claimed, Start, TaskTimer
from engine.machine.execution import Execution
from engine.machine.model import Run, TaskRun
from engine.machine.states import Reason, RunState, TaskState
from engine.store import runs as run_store
from engine.store.database import Database
from engine.store.runs import WorkflowCache, create_runs, load_runs
from engine.store.signals import insert_signals
from engine.store.tables import attempts, run_data, run_labels, runs, task_runs
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, claim, end

ODD = {"text": 'quote " back\\ tab\t newline\n snow \u2603 face \U0001f600', "deep": [{"n": 1.5, "none": None}]}


def count(database: Database, table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def dispatched_at(database: Database, run_id: str):
    with database.read() as connection:
        return connection.execute(select(task_runs.c.dispatched_at).where(task_runs.c.run_id == run_id)).scalar_one()


def same(left: Run, right: Run) -> None:
    """Compare two runs, but for what is not stored: the address that a worker answers at, and outputs of nothing."""
    left.outputs, right.outputs = left.outputs or None, right.outputs or None
    for task_run in (*left.tasks.values(), *right.tasks.values()):
        task_run.reply_to = None
    assert left == right


def test_a_created_run_is_loaded_as_it_was(database: Database) -> None:
    play = Play(database)
    run = play.new_run(trigger={"kind": "cron", "name": "nightly", "odd": ODD}, labels={"team": "data"}, retry_of="old")
    run.inputs, run.fault, run.concurrency_resource = ODD, "inputs: wrong", "concurrency:x"
    run.trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1"}
    run.tasks["a"] = TaskRun(
        f"{run.id}-0", "a", 0, state=TaskState.SUCCEEDED, reason=Reason.REUSED, outputs=ODD, reused_from="old-0"
    )
    with database.write() as connection:
        create_runs(connection, [run])
    run.tasks["a"].stored = True
    same(play.load(run.id).run, run)
    with database.read() as connection:
        assert connection.execute(select(run_labels)).all() == [("team", "data", run.id, run.workflow_id)]


def test_what_does_not_exist_is_not_loaded(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    with database.read() as connection:
        assert load_runs(connection, [], WorkflowCache()) == {}
        assert set(load_runs(connection, [run_id, "nobody"], WorkflowCache())) == {run_id}


def test_memory_and_rows_agree_after_each_step(database: Database) -> None:
    task = Task(id="a", kind="run", spec={"script": "true"}, timeout_seconds=60, outputs={"text": ValueType.STRING})
    play = Play(database, task, timeout_seconds=600)
    [run_id] = play.create()
    for version, event in enumerate([Start(), claim(run_id), end(run_id, outputs=ODD)], start=1):
        execution = play.apply(run_id, event)
        assert execution.run.version == version
        same(play.load(run_id).run, execution.run)
    assert execution.run.state is RunState.SUCCEEDED
    assert execution.run.tasks["a"].outputs == ODD


def test_an_attempts_row_is_kept_whole(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Start())
    play.apply(run_id, claim(run_id))
    play.apply(run_id, end(run_id, failed=True))
    with database.read() as connection:
        row = connection.execute(select(attempts)).one()
    assert (row.task_run_id, row.number, row.run_id, row.state, row.reason) == (
        f"{run_id}-0",
        1,
        run_id,
        "failed",
        "exit",
    )
    assert (row.exit_code, row.worker, row.claim_id, row.log_batches) == (1, "worker", "c1", 2)
    assert (row.started_at, row.finished_at) == (NOW, NOW)


def test_who_saw_an_older_version_writes_nothing(database: Database) -> None:
    play = Play(database)
    [run_id, other_id] = play.create(2)
    stale, other = play.load(run_id), play.load(other_id)
    play.apply(run_id, Start(), Cancel())
    with database.write() as connection:
        insert_signals(connection, [(run_id, NewSignal("cancel", {}, NOW))])
    [signal] = play.due(run_id)
    result = play.commit(advance(stale, [Start()], NOW), advance(other, [Start()], NOW), applied={run_id: [signal.id]})
    assert (result.winners, result.losers) == ({other_id}, {run_id})
    assert play.load(run_id).run.state is RunState.CANCELLED
    assert play.load(other_id).run.state is RunState.RUNNING
    assert count(database, task_runs) == 2  # the cancelled one's, from its own commit, and the other's
    assert [row.id for row in play.due(run_id)] == [signal.id]


def test_two_executors_at_once_one_wins(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Start())
    first, second = play.load(run_id), play.load(run_id)
    granted = advance(first, [claim(run_id, claim_id="one")], NOW)
    refused = advance(second, [claim(run_id, claim_id="two")], NOW)
    assert play.commit(granted).winners == {run_id}
    assert play.commit(refused).losers == {run_id}
    assert play.load(run_id).run.tasks["a"].claim_id == "one"


def test_of_two_commits_at_the_same_moment_one_wins(database: Database) -> None:
    play = Play(database)
    for run_id in play.create(10):
        both = [advance(play.load(run_id), [Start()], NOW) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(play.commit, both))
        assert sorted(len(result.winners) for result in results) == [0, 1]
        assert play.load(run_id).run.version == 1
    assert count(database, task_runs) == 10


def test_what_is_rolled_back_was_never_there(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    changes = advance(play.load(run_id), [Start()], NOW)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        assert run_store.commit(connection, run_store.Written([changes]), NOW).losers == 1 / 0
    assert play.load(run_id).run.version == 0
    assert count(database, task_runs) == 0


def test_a_run_that_ends_leaves_no_signal(database: Database) -> None:
    play = Play(database, timeout_seconds=600)
    [run_id] = play.create()
    play.apply(run_id, Start())
    assert [row.kind for row in play.due(run_id)] == ["run_timeout"]
    with database.write() as connection:
        insert_signals(connection, [(run_id, NewSignal("cancel", {}, NOW))])
    play.apply(run_id, Cancel())
    assert play.load(run_id).run.state is RunState.CANCELLED
    assert play.due(run_id) == []


def test_applied_signals_go_and_others_stay(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    with database.write() as connection:
        insert_signals(connection, [(run_id, NewSignal(kind, {"n": 1}, NOW)) for kind in ("granted", "cancel")])
    [first, second] = play.due(run_id)
    assert (first.kind, first.payload) == ("granted", {"n": 1})
    play.commit(advance(play.load(run_id), [Start()], NOW), applied={run_id: [first.id]})
    assert [row.id for row in play.due(run_id)] == [second.id]


def test_an_offer_is_noted_once_and_only_while_queued(database: Database) -> None:
    play = Play(database)
    queued, running = play.create(2)
    for run_id in (queued, running):
        play.apply(run_id, Start())
    play.apply(running, claim(running))
    play.commit(dispatched=[f"{queued}-0", f"{running}-0"])
    assert dispatched_at(database, queued) == NOW
    assert dispatched_at(database, running) is None
    with database.write() as connection:
        run_store.commit(connection, run_store.Written([], dispatched=[f"{queued}-0"]), NOW + timedelta(seconds=9))
    assert dispatched_at(database, queued) == NOW


def test_the_next_attempt_is_unsent_again(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Start())
    play.commit(dispatched=[f"{run_id}-0"])
    play.apply(run_id, claim(run_id))
    execution = play.apply(run_id, end(run_id, failed=True))
    assert (execution.run.tasks["a"].state, execution.run.tasks["a"].attempt) == (TaskState.QUEUED, 2)
    assert dispatched_at(database, run_id) is None


def test_a_delayed_retry_is_a_signal_at_its_time(database: Database) -> None:
    retry = Retry(max_attempts=2, delay_seconds=30)
    play = Play(database, Task(id="a", kind="run", spec={"script": "true"}, retry=retry))
    [run_id] = play.create()
    play.apply(run_id, Start())
    play.apply(run_id, claim(run_id))
    play.apply(run_id, end(run_id, failed=True))
    assert play.due(run_id, now=NOW + timedelta(seconds=29)) == []
    [timer] = play.due(run_id, now=NOW + timedelta(seconds=30))
    assert (timer.kind, timer.payload) == ("task_timer", {"task_run_id": f"{run_id}-0", "attempt": 1})
    execution = play.apply(run_id, TaskTimer(f"{run_id}-0", 1))
    same(play.load(run_id).run, execution.run)


def test_a_character_that_postgresql_cannot_hold_does_no_harm(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create(labels={"odd": "a\0b"})
    play.apply(run_id, Start())
    play.apply(run_id, Claimed(f"{run_id}-0", 1, "c1", "s", "worker\0", "reply"))
    play.apply(run_id, end(run_id, outputs={"k\0": "a\0b", "list": ["\0", {"\0": 1}]}))
    outputs = play.load(run_id).run.tasks["a"].outputs
    assert outputs == {"k\ufffd": "a\ufffdb", "list": ["\ufffd", {"\ufffd": 1}]}


def test_five_hundred_runs_in_one_batch(database: Database) -> None:
    play = Play(database)
    run_ids = play.create(500)
    with database.read() as connection:
        loaded = load_runs(connection, run_ids, WorkflowCache())
    batch = [advance(Execution.of(run, play.graph), [Start()], NOW) for run in loaded.values()]
    assert play.commit(*batch).winners == set(run_ids)
    assert count(database, task_runs) == 500
    assert count(database, run_data) == 500
    with database.read() as connection:
        states = connection.execute(select(runs.c.state, runs.c.version).distinct()).all()
    assert states == [("running", 1)]


def test_more_revisions_than_the_cache_holds(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_store, "WORKFLOWS_MAX", 1)
    plays = [Play(database) for _ in range(3)]
    run_ids = [play.create()[0] for play in plays]
    cache = WorkflowCache()
    for wanted in (run_ids, run_ids[:1], run_ids[1:], run_ids):
        with database.read() as connection:
            loaded = load_runs(connection, wanted, cache)
        assert [loaded[run_id].workflow for run_id in wanted] == [
            play.workflow for play, run_id in zip(plays, run_ids, strict=True) if run_id in wanted
        ]


def test_a_commit_takes_more_ids_than_a_statement_has_parameters(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Start())
    many = [f"{run_id}-{ordinal}" for ordinal in range(70_000)]
    play.commit(dispatched=many)
    assert dispatched_at(database, run_id) == NOW
    result = play.commit(advance(play.load(run_id), [claim(run_id)], NOW), applied={run_id: list(range(70_000))})
    assert result.winners == {run_id}
