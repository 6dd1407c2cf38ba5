"""Signals: read when due, in the order they came, once each."""

from datetime import timedelta

from engine.machine.changes import NewSignal
from engine.store.database import Database
from engine.store.signals import delete_applied, delete_of, due_signals, insert_signals
from tests.contract.store.conftest import NOW

ONE, TWO = "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-000000000002"


def insert(database: Database, *rows: tuple[str, NewSignal]) -> None:
    with database.write() as connection:
        insert_signals(connection, rows)


def due(database: Database, *run_ids: str, seconds: float = 0) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(row.run_id, row.kind) for row in due_signals(connection, run_ids, NOW + timedelta(seconds=seconds))]


def test_what_is_due_comes_in_the_order_it_was_inserted(database: Database) -> None:
    insert(database, (ONE, NewSignal("lost", {}, NOW)), (TWO, NewSignal("overdue", {}, NOW - timedelta(hours=1))))
    insert(database, (ONE, NewSignal("cancel", {}, NOW - timedelta(hours=1))))
    assert due(database, ONE, TWO) == [(ONE, "lost"), (TWO, "overdue"), (ONE, "cancel")]
    assert due(database, TWO) == [(TWO, "overdue")]
    assert due(database) == []


def test_what_is_not_due_waits(database: Database) -> None:
    insert(database, (ONE, NewSignal("task_timer", {}, NOW + timedelta(microseconds=1))))
    assert due(database, ONE) == []
    assert due(database, ONE, seconds=0.000001) == [(ONE, "task_timer")]


def test_a_key_counts_once_until_it_is_applied(database: Database) -> None:
    keyed = (ONE, NewSignal("granted", {}, NOW, "granted:one"))
    insert(database, keyed, keyed, (TWO, NewSignal("granted", {}, NOW, "granted:two")))
    insert(database, keyed)
    assert due(database, ONE, TWO) == [(ONE, "granted"), (TWO, "granted")]
    with database.write() as connection:
        delete_applied(connection, {ONE: [row.id for row in due_signals(connection, [ONE], NOW)], TWO: []})
    assert due(database, ONE) == []
    insert(database, keyed)
    assert due(database, ONE) == [(ONE, "granted")]


def test_without_a_key_each_counts(database: Database) -> None:
    insert(database, *[(ONE, NewSignal("cancel", {"forced": forced}, NOW)) for forced in (False, True)])
    assert len(due(database, ONE)) == 2


def test_an_ended_runs_signals_all_go(database: Database) -> None:
    insert(database, (ONE, NewSignal("run_timeout", {}, NOW + timedelta(days=1))), (TWO, NewSignal("lost", {}, NOW)))
    with database.write() as connection:
        delete_of(connection, [ONE])
        delete_of(connection, [])
    assert due(database, ONE, TWO, seconds=9e6) == [(TWO, "lost")]
