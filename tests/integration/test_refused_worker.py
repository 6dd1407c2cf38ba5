"""A worker that lacks a kind of its pool, against the real lease keeper: it ends, and says why."""

from pathlib import Path

from engine.broker.memory import MemoryBroker
from engine.services.lease_keeper import LeaseKeeper
from engine.store.database import Database
from engine.store.schema import migrate
from engine.store.sessions import live_sessions
from workers.config import WorkerConfig
from workers.worker import Worker


def test_a_worker_that_is_refused_ends_with_what_it_lacks(tmp_path: Path) -> None:
    database, broker = Database.open(f"sqlite:///{tmp_path / 'test.db'}"), MemoryBroker()
    migrate(database)
    keeper = LeaseKeeper(database, broker, pool_kinds={"default": ("http", "quantum")})
    config = WorkerConfig(worker_id="w", state_dir=tmp_path / "worker", allow_processes=True)
    worker = Worker(broker, config)
    keeper.start()
    worker.start()
    assert worker.join(20), "the refused worker did not end"
    keeper.stop()
    assert worker.failure is not None
    assert "missing: default (quantum)" in worker.failure
    assert "hint: " in worker.failure
    with database.read() as connection:
        assert live_sessions(connection) == set()
    database.close()
