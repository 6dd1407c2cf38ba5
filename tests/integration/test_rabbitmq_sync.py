"""The API and the sync as two processes would be: joined by a database and a real broker, and by nothing else."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import func, select

from api.app import create_app
from api.dependencies import Dependencies
from engine.broker.interface import SYNCERS, Broker
from engine.broker.messages import Wake, encode
from engine.clock import new_id
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.services.sync_requests import SyncRequests, ask_for_sync
from engine.services.syncer import Syncer
from engine.store.database import Database
from engine.store.schema import migrate
from engine.store.tables import workflows
from engine.sync.source import Halt, Snapshot
from tests.contract.sync.world import MemorySource
from tests.integration.rabbitmq_play import connected, until

LIVE = 8


@dataclass
class QuietSource(MemorySource):
    """It says nothing of its changes: only a wish makes anybody look."""

    fetched: int = 0
    waiting: threading.Event = field(default_factory=threading.Event)

    def fetch(self) -> Snapshot:
        self.fetched += 1
        return super().fetch()

    def wait(self, halt: Halt, timeout_seconds: float) -> bool:
        self.waiting.set()
        halt.wait()
        return False


@dataclass
class Sides:
    api: TestClient[Any]
    source: QuietSource
    database: Database
    broker: Broker
    syncer: Syncer

    def live(self) -> int:
        with self.database.read() as connection:
            query = select(func.count()).select_from(workflows).where(workflows.c.archived_at.is_(None))
            return connection.execute(query).scalar_one()


@pytest.fixture
def sides(rabbitmq_url: str, tmp_path: Path) -> Iterator[Sides]:
    database = Database.open(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    source = QuietSource(files={f"w{n}.yaml": f"name: w{n}\ntasks: {{a: {{run: x}}}}\n" for n in range(LIVE)})
    with connected(rabbitmq_url, "api") as near, connected(rabbitmq_url, "sync") as far:
        syncer = Syncer(database, far, [source], settle=Firings(RevisionCache(database), new_id).settle)
        requests = SyncRequests(far, syncer.sync_now)
        syncer.start()
        requests.start()
        assert source.waiting.wait(20)
        app = create_app(Dependencies(database=database, broker=near, sync_now=lambda name: ask_for_sync(near, name)))
        with TestClient(app, base_url="http://127.0.0.1:8080") as api:
            yield Sides(api, source, database, near, syncer)
        requests.stop()
        syncer.stop()
    database.close()


def look(sides: Sides, path: str) -> None:
    """Ask until there was a look: the listener may not have been bound yet when the first wish was broadcast."""
    before = sides.source.fetched

    def looked() -> bool:
        assert sides.api.post(f"/api/v1/sources/main/{path}").status_code == 202
        return sides.source.fetched > before

    until(looked, "nobody looked at the source")


def test_a_wish_reaches_the_process_that_syncs(sides: Sides) -> None:
    assert sides.live() == LIVE
    sides.source.files["new.yaml"] = "name: new\ntasks: {a: {run: x}}\n"
    look(sides, "sync")
    until(lambda: sides.live() == LIVE + 1, "the new workflow is not live")
    assert sides.api.post("/api/v1/sources/other/sync").status_code == 404


def test_agreed_removals_are_carried_out_at_once(sides: Sides) -> None:
    for number in range(LIVE - 2):
        del sides.source.files[f"w{number}.yaml"]
    look(sides, "sync")
    until(lambda: not sides.syncer.fault, "the sync is at fault")
    assert sides.live() == LIVE
    look(sides, "approve-removals")
    until(lambda: sides.live() == 2, "what was agreed to was not removed")


def test_what_is_not_for_the_syncers_is_passed_over(sides: Sides) -> None:
    look(sides, "sync")
    before = sides.source.fetched
    sides.broker.broadcast(SYNCERS, b"?")
    sides.broker.broadcast(SYNCERS, encode(Wake(run_id=new_id())))
    assert ask_for_sync(sides.broker, "another")
    look(sides, "sync")
    assert sides.source.fetched > before


def test_nobody_can_be_asked_without_a_broker(sides: Sides) -> None:
    sides.broker.close()
    answer = sides.api.post("/api/v1/sources/main/sync")
    assert answer.status_code == 409
    assert "nobody can be asked" in answer.json()["detail"]
