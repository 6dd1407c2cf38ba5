from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.database import Database
from engine.store.schema import migrate
from tests.contract.sync.world import World


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def world(database: Database) -> World:
    return World(database)
