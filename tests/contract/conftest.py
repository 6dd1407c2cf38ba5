from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.store.database import Database
from engine.store.schema import migrate
from engine.store.tables import metadata


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of either kind. On PostgreSQL it is the module's, emptied for each test."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'test.db'}" if sqlite else request.getfixturevalue("postgres_url")
    database = Database.open(url)
    migrate(database)
    if not sqlite:
        with database.write() as connection:
            names = ", ".join(table.name for table in metadata.sorted_tables)
            connection.execute(text(f"TRUNCATE {names}"))
    yield database
    database.close()
