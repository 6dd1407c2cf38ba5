"""Failed log-ins are counted by name on both databases, and forgotten."""

from datetime import timedelta

from engine.accounts.throttle import Failures
from engine.store import throttle
from engine.store.database import Database
from tests.contract.store.conftest import NOW


def count(database: Database, name: str, times: int = 1) -> None:
    for _ in range(times):
        with database.write() as connection:
            throttle.count_one(connection, name, throttle.read_failures(connection, name), NOW)


def test_each_name_is_counted_by_itself(database: Database) -> None:
    count(database, "ann", 3)
    count(database, "bob")
    with database.write() as connection:
        assert throttle.read_failures(connection, "ann") == Failures(3, NOW)
        assert throttle.forget(connection, "ann")
        assert not throttle.forget(connection, "ann")
        assert throttle.read_failures(connection, "ann") is None
        assert throttle.read_failures(connection, "bob") == Failures(1, NOW)


def test_two_first_tries_at_once_are_both_counted(database: Database) -> None:
    with database.write() as connection:
        throttle.count_one(connection, "ann", None, NOW)
        throttle.count_one(connection, "ann", None, NOW)
        assert throttle.read_failures(connection, "ann") == Failures(2, NOW)


def test_old_ones_begin_anew_and_are_deleted(database: Database) -> None:
    with database.write() as connection:
        throttle.count_one(connection, "ann", Failures(9, NOW), NOW)
        throttle.count_one(connection, "ann", Failures(9, NOW - timedelta(days=2)), NOW)
        assert throttle.read_failures(connection, "ann") == Failures(1, NOW)
        assert throttle.forget_before(connection, NOW) == 0
        assert throttle.forget_before(connection, NOW + timedelta(seconds=1)) == 1
