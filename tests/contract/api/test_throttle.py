"""Passwords cannot be tried for long: the answer is the same whoever's they are, and costs no work."""

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from engine.accounts import log_ins, passwords
from engine.accounts.roles import Grant, Role
from engine.accounts.throttle import FREE
from tests.contract.api.play import Play

PASSWORD = "correct horse battery"


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which passwords were looked at. Hashing takes its time by design, and is tested elsewhere."""
    seen: list[str] = []

    def fits(password: str, stored: str | None) -> bool:
        seen.append(password)
        return stored is not None and stored == f"hash of {password}"

    monkeypatch.setattr(log_ins.passwords, "fits", fits)
    monkeypatch.setattr(passwords, "hashed", lambda password: f"hash of {password}")
    return seen


@pytest.fixture
def api(play: Play, looked_at: list[str]) -> TestClient:
    app = create_app(Dependencies(database=play.database, broker=play.broker, clock=play.clock))
    accounts = app.state.services.accounts
    accounts.add(f"root-{play.namespace}", None, [Grant(Role.ADMIN)])
    accounts.add(play.namespace, PASSWORD, [])
    client = TestClient(app, base_url="http://127.0.0.1:8080")
    client.headers["Authorization"] = f"Bearer {accounts.add_token(f'root-{play.namespace}', 't').token}"
    return client


def log_in(api: TestClient, name: str, password: str) -> int:
    return api.post("/api/v1/session", json={"name": name, "password": password}).status_code


@pytest.mark.parametrize("there", [True, False])
def test_after_some_wrong_passwords_none_is_looked_at(
    api: TestClient, play: Play, looked_at: list[str], there: bool
) -> None:
    name = play.namespace if there else f"nobody-{play.namespace}"
    assert {log_in(api, name, f"wrong {number}") for number in range(FREE)} == {401}
    refused = api.post("/api/v1/session", json={"name": name, "password": PASSWORD})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json()["type"] == "urn:chronoverse:problem:too-many-tries"
    assert "try again in 1 s" in refused.json()["detail"]
    assert len(looked_at) == FREE
    play.clock.forward(seconds=1)
    assert log_in(api, name, "wrong again") == 401
    assert api.post("/api/v1/session", json={"name": name, "password": PASSWORD}).headers["Retry-After"] == "2"


def test_the_right_password_clears_what_failed(api: TestClient, play: Play) -> None:
    for _ in range(2):
        for number in range(FREE - 1):
            log_in(api, play.namespace, f"wrong {number}")
        assert log_in(api, play.namespace, PASSWORD) in {200, 503}  # 503: here is no key to sign with


def test_an_administrator_unlocks(api: TestClient, play: Play) -> None:
    for number in range(FREE):
        log_in(api, play.namespace, f"wrong {number}")
    assert log_in(api, play.namespace, PASSWORD) == 429
    assert api.post(f"/api/v1/accounts/{play.namespace}/unlock").status_code == 200
    assert log_in(api, play.namespace, PASSWORD) in {200, 503}
    assert api.post("/api/v1/accounts/nobody/unlock").status_code == 404
