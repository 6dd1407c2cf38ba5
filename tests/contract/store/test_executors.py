"""Executors count each other, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from engine.clock import new_id
from engine.store.database import Database
from engine.store.executors import forget_executor, renew_executor
from tests.contract.store.conftest import NOW

TTL = timedelta(seconds=30)


def renew(database: Database, name: str, now: datetime = NOW) -> int:
    with database.write() as connection:
        return renew_executor(connection, name, now, TTL)


def test_each_is_counted_once_until_it_expires_or_ends(database: Database) -> None:
    first, second, third = new_id(), new_id(), new_id()
    assert [renew(database, name) for name in (first, second, second, third)] == [1, 2, 2, 3]
    with database.write() as connection:
        forget_executor(connection, third)
    assert renew(database, first, NOW + timedelta(seconds=29)) == 2
    assert renew(database, first, NOW + timedelta(seconds=30)) == 1
    assert renew(database, second, NOW + timedelta(seconds=31)) == 2


def test_several_at_once_are_all_counted(database: Database) -> None:
    names = [new_id() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: renew(database, name), names))
    assert renew(database, names[0]) == 4
