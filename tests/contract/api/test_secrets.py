"""Secrets over REST: set, listed, deleted, and never shown."""

import base64
from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from engine.keyring import Keyring
from tests.contract.api.play import Play

KEY = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def api(play: Play) -> Iterator[TestClient]:
    app = create_app(Dependencies(database=play.database, broker=play.broker, keyring=Keyring.of_text(KEY)))
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client


def test_a_secret_is_set_listed_and_deleted(api: TestClient, play: Play) -> None:
    where = {"namespace": play.namespace}
    answers = [
        api.put("/api/v1/secrets/TOKEN", json={"value": "hunter22"}, params=where),
        api.put("/api/v1/secrets/TOKEN", json={"value": "hunter23"}, params=where),
        api.get("/api/v1/secrets", params=where),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert not any("hunter" in answer.text for answer in answers)
    (item,) = answers[2].json()["items"]
    assert (item["name"], item["version"]) == ("TOKEN", 2)
    assert api.delete("/api/v1/secrets/TOKEN", params=where).status_code == 204
    assert api.delete("/api/v1/secrets/TOKEN", params=where).status_code == 404
    assert api.get("/api/v1/secrets", params=where).json()["items"] == []


def test_pages(api: TestClient, play: Play) -> None:
    where = {"namespace": play.namespace}
    for name in ("A", "B", "C"):
        api.put(f"/api/v1/secrets/{name}", json={"value": "x"}, params=where)
    first = api.get("/api/v1/secrets", params={**where, "limit": 2}).json()
    second = api.get("/api/v1/secrets", params={**where, "limit": 2, "cursor": first["next"]}).json()
    assert [item["name"] for item in first["items"] + second["items"]] == ["A", "B", "C"]
    assert second["next"] is None


def test_what_is_wrong_is_said_without_the_value(api: TestClient) -> None:
    for name, body in (("lower", {"value": "hunter22"}), ("A", {"value": ["hunter22"]}), ("A", {"walue": "hunter22"})):
        answer = api.put(f"/api/v1/secrets/{name}", json=body)
        assert answer.status_code == 422, answer.text
        assert "hunter22" not in answer.text


def test_rotate(api: TestClient) -> None:
    assert api.post("/api/v1/secrets/rotate").json() == {"rotated": 0}
