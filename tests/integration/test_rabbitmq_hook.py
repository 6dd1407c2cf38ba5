"""From a forge's webhook to what is live, where API and sync are joined by a database and a real broker alone.

The source is a real repository that nobody polls within the hour: what is seen of it was announced or asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from engine.clock import new_id
from engine.forges import ForgeKind, HookConfig
from engine.keyring import Keyring
from engine.services.far_syncer import FarSyncer
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.services.service import Service
from engine.services.sync_requests import SyncRequests, ask_for_sync
from engine.services.syncer import Syncer
from engine.store.database import Database
from engine.store.schema import migrate
from tests.contract.api.test_hooks import KEY, SECRET
from tests.integration.git_play import flow, make_source, unique
from tests.integration.rabbitmq_play import connected, until
from tests.services.git import Repository
from tests.services.git_http import GitHttp
from tests.unit.forges.deliveries import github

SOURCE = "/api/v1/sources/main"


@dataclass
class Sides:
    api: TestClient[Any]
    repository: Repository
    services: list[Service] = field(default_factory=list)

    def push(self, word: str, **more: Any) -> str:
        return str(self.repository.commit({"a.yaml": flow("alpha", word)}, **more))

    def outcome(self, commit: str) -> str:
        found = self.api.get(f"{SOURCE}/commits/{commit}", params={"wait": 30})
        return str(found.json().get("outcome", found.status_code))


@pytest.fixture
def sides(rabbitmq_url: str, git_http: GitHttp, tmp_path: Path) -> Iterator[Sides]:
    git_http.reset()
    name = unique()
    repository = git_http.new(name)
    first = repository.commit({"a.yaml": flow("alpha")})
    database = Database.open(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    hook = HookConfig(ForgeKind.GITHUB, "PUSH")
    source = make_source(git_http.url(name), tmp_path / "mirrors", branch="main", interval_seconds=3600.0, hook=hook)
    with connected(rabbitmq_url, "api") as near, connected(rabbitmq_url, "sync") as far:
        syncer = Syncer(database, far, [source], settle=Firings(RevisionCache(database), new_id).settle)
        answers = FarSyncer(near)
        services: list[Service] = [syncer, SyncRequests(far, syncer.sync_now, syncer), answers]
        for service in services:
            service.start()
        given = Dependencies(
            database=database,
            broker=near,
            sync_now=lambda name: ask_for_sync(near, name),
            syncer=answers,
            keyring=Keyring.of_text(KEY),
        )
        with TestClient(create_app(given), base_url="http://127.0.0.1:8080") as api:
            assert api.put("/api/v1/secrets/PUSH?namespace=default", json={"value": SECRET}).status_code < 300
            sides = Sides(api, repository, services)
            assert sides.outcome(first) == "live"
            until(lambda: looked(sides), "the inboxes are bound")
            yield sides
        for service in reversed(services):
            service.stop()
    database.close()


def looked(sides: Sides) -> bool:
    return bool(sides.api.post(f"{SOURCE}/sync", params={"wait": 20}).json().get("looked"))


def test_a_push_that_is_announced_is_live(sides: Sides) -> None:
    commit = sides.push("pushed")
    request = github(SECRET, commit=commit, delivery=commit)
    heard = sides.api.post(f"{SOURCE}/hook", content=request.body, headers=request.headers)
    assert (heard.status_code, heard.json()["outcome"]) == (202, "synced")
    assert sides.outcome(commit) == "live"
    assert sides.api.get(f"{SOURCE}/commits/{commit}").json()["current"]


def test_a_look_and_a_plan_are_answered_over_the_broker(sides: Sides) -> None:
    live = sides.repository.tip("refs/heads/main")
    topic = sides.push("topic", branch="topic", parent=live)
    plan = sides.api.get(f"{SOURCE}/plan", params={"ref": "topic"}).json()
    assert [item["action"] for item in plan["changes"]] == ["changed"]
    assert (plan["commit"], plan["live_version"], plan["relation"]) == (topic, live, "newer")
    missing = sides.api.get(f"{SOURCE}/plan", params={"ref": "nowhere"})
    assert (missing.status_code, "no branch or tag nowhere" in missing.json()["detail"]) == (404, True)

    sides.repository.move("refs/heads/main", topic)
    found = sides.api.post(f"{SOURCE}/sync", params={"wait": 30}).json()
    assert (found["looked"], found["commit"]["commit"], found["commit"]["outcome"]) == (True, topic, "live")


def test_nobody_answers_for_who_is_gone(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.asked.TAKEN_SECONDS", 0.3)
    sides.services[1].stop()
    for answer in (sides.api.get(f"{SOURCE}/plan"), sides.api.post(f"{SOURCE}/sync", params={"wait": 5})):
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:chronoverse:problem:nobody-syncs")
