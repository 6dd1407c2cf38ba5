"""What metrics read of the store: what is open, who serves it, and the connections themselves."""

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.broker import MemoryBroker
from engine.broker.interface import BrokerError
from engine.machine.events import Start
from engine.services.gauges import FRESH_SECONDS, Fresh, of_installation, of_process
from engine.services.sweeper import Found
from engine.store import sessions
from engine.store.database import Database
from engine.store.reads_gauges import Capacity, connections, open_runs, pool_capacity
from engine.telemetry.prometheus import exposition
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, claim, end
from tests.contract.store.test_sessions import beat


def shown() -> dict[tuple[str, str], float]:
    """Every sample that is served, by its name and the value of its last label."""
    body, _ = exposition()
    families = text_string_to_metric_families(body.decode())
    return {(s.name, [*s.labels.values(), ""][0]): s.value for family in families for s in family.samples}


def test_open_runs_are_counted_by_state(database: Database) -> None:
    play = Play(database)
    play.create(2)
    [running, ended] = play.create(2)
    for run_id in (running, ended):
        play.apply(run_id, Start())
    play.apply(ended, claim(ended), end(ended))
    with database.read() as connection:
        assert {str(state): number for state, number in open_runs(connection).items()} == {"queued": 2, "running": 1}


def test_slots_are_dealt_to_pools_as_workers_do(database: Database) -> None:
    with database.write() as connection:
        beats = [beat("a" * 36, worker="one", pools=("default", "gpu"), slots=3), beat("b" * 36, worker="two", slots=4)]
        sessions.renew(connection, beats, NOW, timedelta(seconds=7))
    with database.read() as connection:
        assert pool_capacity(connection) == {"default": Capacity(2, 6), "gpu": Capacity(1, 1)}


def test_connections_are_counted(database: Database) -> None:
    with database.read():
        found = connections(database)
    assert found is not None
    assert found.used >= 1
    assert found.most > 10
    assert connections(Database.open("sqlite://")) is None


def test_an_installation_is_read_when_it_is_asked(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Start())
    broker = MemoryBroker()
    broker.declare(["default"])
    broker.publish("tasks.default", [b"{}", b"{}"])
    gauges = [of_installation(database, broker, ["default"], Found(unsent=3)), of_process(broker, database)]
    for each in gauges:
        each.start()
    found = shown()
    assert found["chronoverse_run_open", "running"] == 1
    assert found["chronoverse_pool_queued", "default"] == 1
    assert found["chronoverse_pool_queue_depth", "default"] == 2
    assert found["chronoverse_pool_workers", "default"] == 0
    assert found["chronoverse_sweep_found_total", "unsent"] == 3
    assert found["chronoverse_broker_connected", ""] == 1
    assert found["process_memory_usage_bytes", ""] > 1 << 20
    assert ("db_client_connection_max", database.dialect) in found
    for each in gauges:
        each.stop()
        each.stop()
    broker.close()
    assert ("chronoverse_run_open", "running") not in shown()


def test_a_broker_that_does_not_answer_takes_only_its_own_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = MemoryBroker()

    def depth(_: str) -> int:
        raise BrokerError("away")

    monkeypatch.setattr(broker, "depth", depth)
    gauges = of_installation(Database.open(f"sqlite:///{tmp_path / 'none.db'}"), broker, ["default"], Found())
    gauges.start()
    found = shown()
    gauges.stop()
    broker.close()
    assert ("chronoverse_pool_queue_depth", "default") not in found
    assert ("chronoverse_sweep_found_total", "room") in found


def test_an_answer_serves_for_a_while() -> None:
    now = [0.0]
    asked: list[float] = []
    fresh = Fresh(lambda: asked.append(now[0]) or len(asked), lambda: now[0])
    assert (fresh(), fresh()) == (1, 1)
    now[0] = FRESH_SECONDS
    assert fresh() == 2
