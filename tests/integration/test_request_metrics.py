"""Every request over a real socket is counted once, by what it was answered."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.dependencies import Dependencies
from api.server import ApiServer
from engine.broker import MemoryBroker
from engine.store.database import Database
from engine.store.schema import migrate
from engine.telemetry.instruments import HTTP_DURATION
from tests.e2e.processes import until
from tests.recorded import Recorded


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    database, broker = Database.open(f"sqlite:///{tmp_path / 'test.db'}"), MemoryBroker()
    migrate(database)
    server = ApiServer(Dependencies(database=database, broker=broker), host="127.0.0.1", port=0)
    server.start()
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        yield client
    server.stop()
    broker.close()
    database.close()


def test_what_is_answered_refused_and_not_there_is_counted(api: httpx.Client) -> None:
    counted = Recorded(HTTP_DURATION)
    asked = [
        ("GET", "/health/live", 200),
        ("GET", "/no/such/path", 404),
        ("DELETE", "/health/live", 405),
        ("GET", "/api/v1/runs/01890000-0000-7000-8000-000000000001", 404),
        ("GET", "/api/v1/runs?limit=x", 400),
    ]
    for method, path, status in asked:
        assert api.request(method, path).status_code == status
    until(lambda: counted.number() >= len(asked), 30, "the last request is counted once its answer is out")
    found = {(method, route, status): int(n) for (method, route, status, _), (n, _) in counted.since().items()}
    assert sum(found.values()) == len(asked)
    assert found["GET", "/health/live", "200"] == 1
    assert found["GET", "/api/v1/runs/{run_id}", "404"] == 1
    assert {status for _, _, status in found} == {"200", "400", "404", "405"}
    assert all(route == "" or "such" not in route for _, route, _ in found), "a path that is not ours is no route"
