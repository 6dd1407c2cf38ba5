"""A migrated database of each kind."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.store.database import Database
from engine.store.schema import migrate
from engine.store.tables import metadata

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with the schema and no rows."""
    if request.param == "sqlite":
        made = Database.open(f"sqlite:///{tmp_path / 'test.db'}", clock=lambda: NOW)
    else:
        made = Database.open(request.getfixturevalue("postgres_url"))
    migrate(made)
    if made.dialect == "postgresql":
        with made.write() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)}"))
    yield made
    made.close()
