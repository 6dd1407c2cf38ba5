from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from engine.artifacts import Artifacts
from engine.store.database import Database
from engine.store.schema import migrate
from tests.contract.api.play import Play
from tests.contract.api.syncing import Waiting, one, syncing


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'test.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = Database.open(url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def play(database: Database, tmp_path: Path) -> Iterator[Play]:
    play = Play(database)
    play.artifacts = tmp_path / "artifacts"
    yield play
    play.close()


@pytest.fixture
def api(play: Play) -> Iterator[TestClient]:
    app = create_app(
        Dependencies(
            database=play.database,
            broker=play.broker,
            clock=play.clock,
            sync_now=play.sync_asked,
            health=play.health,
            artifacts=Artifacts(str(play.artifacts)),
        )
    )
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client


@pytest.fixture
def source(play: Play) -> Waiting:
    """A source in memory with two workflows."""
    source = Waiting(name=play.namespace)
    source.files = {"a.yaml": one(play, "echo a"), "b.yaml": one(play, "echo b", "beta")}
    return source


@pytest.fixture(params=["near", "far"])
def synced(request: pytest.FixtureRequest, play: Play, source: Waiting) -> Iterator[TestClient]:
    """The API beside a syncer of that source, in its own process or as one that a broker leads to."""
    with syncing(play, source, far=request.param == "far") as syncer:
        assert source.waits.wait(20)
        given = Dependencies(
            database=play.database, broker=play.broker, clock=play.clock, sync_now=play.sync_asked, syncer=syncer
        )
        with TestClient(create_app(given), base_url="http://127.0.0.1:8080") as client:
            yield client
