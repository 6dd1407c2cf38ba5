import pytest

from engine.store.database import Database
from tests.contract.backfills.world import BackfillWorld


@pytest.fixture
def world(database: Database) -> BackfillWorld:
    return BackfillWorld(database)
