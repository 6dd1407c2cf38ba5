"""The schema: what the migrations make is what the tables say, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from engine.machine.states import RUN_TERMINAL, TASK_TERMINAL
from engine.store.database import Database
from engine.store.errors import SchemaError, StoreError
from engine.store.schema import HEAD, alembic_config, check_version, migrate, upgrade
from engine.store.tables import OPEN_RUN, OPEN_TASK_RUN, metadata
from tests.contract.store.rows import add


def drop_all(database: Database) -> None:
    with database.write() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))


def differences(connection: Connection) -> list:
    defaults = connection.dialect.name == "postgresql"  # SQLite gives them back as they were written, quotes and all
    options = {"compare_type": True, "compare_server_default": defaults}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def test_all_migrations_together_give_the_tables(database: Database) -> None:
    drop_all(database)
    with database.write() as connection:
        upgrade(connection)
    check_version(database)
    with database.read() as connection:
        assert differences(connection) == []


def test_an_empty_database_gets_the_tables(database: Database) -> None:
    drop_all(database)
    migrate(database)
    with database.read() as connection:
        assert differences(connection) == []
        assert MigrationContext.configure(connection).get_current_revision() == HEAD


def test_the_head_is_the_newest_migration(database: Database) -> None:
    with database.read() as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_current_head() == HEAD


def test_every_check_and_index_is_there(database: Database) -> None:
    with database.read() as connection:
        found = inspect(connection)
        for table in metadata.tables.values():
            indexes = {index["name"] for index in found.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= indexes
    for values in ({"state": "lost"}, {"phase": "coda"}):
        with pytest.raises(StoreError), database.write() as connection:
            add(connection, "runs", **values)
    with pytest.raises(StoreError), database.write() as connection:
        add(connection, "task_runs", state="lost")


def test_the_conditions_of_the_indexes_say_what_is_open() -> None:
    assert str(OPEN_RUN) == f"runs.state NOT IN ({', '.join(sorted(repr(str(state)) for state in RUN_TERMINAL))})"
    named = ", ".join(sorted(repr(str(state)) for state in TASK_TERMINAL))
    assert str(OPEN_TASK_RUN) == f"task_runs.state NOT IN ({named})"


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.write() as connection:
        add(connection, "sessions")
    migrate(database)
    check_version(database)
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 1


def test_several_that_migrate_at_once_take_turns(database: Database) -> None:
    drop_all(database)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [database] * 4))
    check_version(database)


def test_an_empty_or_strange_schema_is_refused(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(SchemaError, match=r"empty.*\n  hint: start one"):
        check_version(database)
    migrate(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    with pytest.raises(SchemaError, match=f"is later, this program needs {HEAD}"):
        check_version(database)
    database.close()
