"""The connection to the truth: transactions, snapshots, clocks, locks, and what the driver's errors become."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from engine.store import database as module
from engine.store.bulk import Bulk
from engine.store.database import Database, sqlite_path
from engine.store.errors import RetryableError, StoreError
from engine.store.schema import migrate
from engine.store.tables import meta, sources
from tests.contract.store.conftest import NOW


def put(database: Database, *new: str) -> None:
    with database.write() as connection:
        for key in new:
            connection.execute(meta.insert().values(key=key, value=""))


def keys(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.execute(select(meta.c.key)).scalars())


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    database = Database.open(postgres_url)
    migrate(database)
    yield database
    database.close()


def test_a_write_is_all_or_nothing(database: Database) -> None:
    put(database, "kept")
    with pytest.raises(StoreError) as raised:
        put(database, "gone", "kept")
    assert not isinstance(raised.value, RetryableError)
    assert keys(database) == ["kept"]


def test_an_error_of_the_callers_own_passes_and_undoes(database: Database) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.execute(meta.insert().values(key="gone", value=""))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write()
    assert keys(database) == []
    put(database, "next")
    assert keys(database) == ["next"]


def test_writers_in_many_threads_lose_nothing(database: Database) -> None:
    def add_one(_: int) -> None:
        with database.write() as connection:
            number = connection.execute(select(func.count()).select_from(meta)).scalar_one()
            connection.execute(
                meta.insert().values(key=f"{number}-{threading.get_ident()}-{time.monotonic_ns()}", value="")
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(80)))
    assert len(keys(database)) == 80


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    put(database, "before")
    with database.write() as connection:
        connection.execute(meta.insert().values(key="during", value=""))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(keys, database).result(timeout=5) == ["before"]
    assert keys(database) == ["before", "during"]


def test_json_comes_back_as_it_was(database: Database) -> None:
    value = {"n": [1, 2.5, None, True], "text": "snow \u2603 \U0001f600 \u2028"}
    row = {"name": "s", "kind": "folder", "config": value, "conditions": [value], "diagnostics": {}}
    with database.write() as connection:
        connection.execute(sources.insert().values(**row, updated_at=NOW))
        found = connection.execute(select(sources)).one()
    assert (found.config, found.conditions, found.updated_at) == (value, [value], NOW)


def test_a_naive_time_is_refused(database: Database) -> None:
    row = {"name": "s", "kind": "folder", "config": {}, "conditions": {}, "diagnostics": {}}
    with pytest.raises(StoreError, match="naive datetime"), database.write() as connection:
        connection.execute(sources.insert().values(**row, updated_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_one_at_a_time_is_let_in(database: Database) -> None:
    with database.exclusive("sweep") as first, database.exclusive("sweep") as second:
        assert (first, second) == (True, False)
        with database.exclusive("other") as other:
            assert other
    with pytest.raises(ZeroDivisionError), database.exclusive("sweep") as third:
        assert 1 / (1 - third)
    with database.exclusive("sweep") as fourth:
        assert fourth


def test_who_was_not_let_in_frees_nothing(database: Database) -> None:
    with database.exclusive("sweep"):
        with database.exclusive("sweep"):
            pass
        with database.exclusive("sweep") as again:
            assert not again


def test_sqlite_time_is_the_injected_clock(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'a.db'}", clock=lambda: NOW)
    assert database.now() == NOW
    database.close()


def test_sqlite_reads_one_snapshot(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(database)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(meta)).scalar_one() == 0
        put(database, "later")
        assert connection.execute(select(func.count()).select_from(meta)).scalar_one() == 0
    assert keys(database) == ["later"]
    database.close()


@pytest.mark.parametrize(("durability", "level"), [("normal", 1), ("full", 2)])
def test_sqlite_is_tuned(tmp_path: Path, durability: str, level: int) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'a.db'}", durability=durability)
    with database.read() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": level, "foreign_keys": 1, "busy_timeout": 30_000}
    database.close()


def test_a_second_writer_of_the_file_waits_then_may_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.01)
    one, two = (Database.open(f"sqlite:///{tmp_path / 'a.db'}") for _ in range(2))
    migrate(one)
    with one.write(), pytest.raises(RetryableError, match="locked"):
        put(two, "never")
    put(two, "now")
    one.close()
    two.close()


def test_postgresql_time_is_the_databases(postgres_url: str) -> None:
    wrong, asked = timedelta(hours=3), []

    def clock() -> datetime:
        asked.append(1)
        return datetime.now(UTC) - wrong

    database = Database.open(postgres_url, clock=clock)
    assert abs(database.now() - datetime.now(UTC)) < timedelta(seconds=1)
    measured = len(asked)
    database.now()
    assert len(asked) == measured + 1  # no second measurement within a minute
    database.close()


def test_a_broken_connection_may_be_tried_again(postgres: Database) -> None:
    def write() -> None:
        with postgres.write() as connection, postgres.write() as other:
            mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
            connection.execute(text("SELECT 1"))

    with pytest.raises(RetryableError):
        write()
    put(postgres, "after")
    assert "after" in keys(postgres)


def test_a_deadlock_may_be_tried_again(postgres: Database) -> None:
    put(postgres, "one")
    put(postgres, "two")
    both = threading.Barrier(2)

    def lock(first: str, second: str) -> bool:
        query = text("SELECT key FROM meta WHERE key = :key FOR UPDATE")
        try:
            with postgres.write() as connection:
                connection.execute(query, {"key": first})
                both.wait(timeout=10)
                connection.execute(query, {"key": second})
        except RetryableError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lock, ["one", "two"], ["two", "one"]))
    assert sorted(results) == [False, True]


def test_a_lock_is_free_when_its_process_is_gone(postgres: Database, postgres_url: str) -> None:
    other = Database.open(postgres_url)
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    kill = text(f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND {here}")
    with pytest.raises(StoreError), other.exclusive("sweep") as held, postgres.write() as connection:
        assert connection.execute(kill).scalars().all() == [held]
    with postgres.exclusive("sweep") as mine:
        assert mine
    other.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/db", "sqlite", "postgresql"])
def test_a_url_that_is_none_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(StoreError, match=r"is not a database URL\n  hint: CHRONOVERSE_DATABASE_URL"):
        Database.open(url)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    database = Database.open("postgresql://user:secret@127.0.0.1:1/db")
    with (
        pytest.raises(StoreError, match=r"(?s)127\.0\.0\.1:1/db.*hint: is the database running") as raised,
        database.read(),
    ):
        pass
    assert "secret" not in str(raised.value)
    assert not isinstance(raised.value, RetryableError)


def test_the_file_of_a_url() -> None:
    assert sqlite_path("sqlite:///a/b.db") == Path("a/b.db")
    assert sqlite_path("sqlite:////a/b.db") == Path("/a/b.db")
    assert sqlite_path("sqlite://") is None
    assert sqlite_path("postgresql://host/db") is None


def test_errors_of_statements_in_bulk_are_the_stores_too(database: Database) -> None:
    rows = Bulk(meta, ["key", "value"])
    with pytest.raises(StoreError, match=r"(?i)unique"), database.write() as connection:
        rows.insert(connection, [("a", "1"), ("a", "2")])
    assert keys(database) == []


def test_a_file_that_cannot_be_made_is_named_with_the_remedy(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'missing' / 'a.db'}")
    with pytest.raises(StoreError, match=r"(?s)missing/a\.db.*hint: can the file") as raised:
        put(database, "never")
    assert not isinstance(raised.value, RetryableError)
