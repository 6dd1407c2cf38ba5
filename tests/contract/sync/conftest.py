import pytest

from engine.store.database import Database
from tests.contract.sync.world import World


@pytest.fixture
def world(database: Database) -> World:
    return World(database)
