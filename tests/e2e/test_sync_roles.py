"""API and sync as processes of their own, joined by PostgreSQL and RabbitMQ: a push is announced, planned, awaited."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from engine.store.database import Database
from tests.contract.api.test_hooks import KEY, SECRET
from tests.e2e.processes import Processes, until
from tests.integration.git_play import flow, unique
from tests.services.git import Repository
from tests.services.git_http import GitHttp
from tests.services.ports import free_port
from tests.unit.forges.deliveries import Request, github

SOURCE = "/api/v1/sources/flows"


class Team:
    """A repository, and roles that follow it: it is asked for news when somebody says so, and else each hour."""

    def __init__(self, git: GitHttp, processes: Processes, directory: Path, database_url: str) -> None:
        name = unique()
        self.repository: Repository = git.new(name)
        self.first = self.repository.commit({"a.yaml": flow("alpha")})
        hook = {"forge": "github", "secret": "PUSH"}
        source = {"git": {"url": git.url(name), "branch": "main", "interval": "1h", "hook": hook}}
        (directory / "chronoverse.yaml").write_text(yaml.safe_dump({"sources": {"flows": source}}))
        port = str(free_port())
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=90, trust_env=False)
        processes.start("engine", "engine")
        database = Database.open(database_url)
        until(lambda: _migrated(database), 60, "the engine migrates the database")
        database.close()
        processes.start("api", "api", "--port", port)
        processes.start("sync", "sync")
        until(self._answers, 60, "the API answers")

    def _answers(self) -> bool:
        try:
            return self._http.put("/api/v1/secrets/PUSH?namespace=default", json={"value": SECRET}).is_success
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **params: object) -> httpx.Response:
        return self._http.get(f"{SOURCE}{path}", params=params)  # type: ignore[arg-type]

    def post(self, path: str, request: Request | None = None) -> httpx.Response:
        given = {} if request is None else {"content": request.body, "headers": request.headers}
        return self._http.post(f"{SOURCE}{path}", **given)  # type: ignore[arg-type]

    def outcome(self, commit: str) -> str:
        return str(self.get(f"/commits/{commit}", wait=60).json().get("outcome", ""))


def _migrated(database: Database) -> bool:
    with database.read() as connection:
        return bool(connection.dialect.has_table(connection, "parked_messages"))


@pytest.fixture
def team(postgres_url: str, rabbitmq_url: str, git_http: GitHttp, tmp_path: Path) -> Iterator[Team]:
    git_http.reset()
    environ = {
        "CHRONOVERSE_DATABASE_URL": postgres_url,
        "CHRONOVERSE_BROKER_URL": rabbitmq_url,
        "CHRONOVERSE_SECRET_KEY": KEY,
        "CHRONOVERSE_STATE_DIR": str(tmp_path / "state"),
        "CHRONOVERSE_LOG_LEVEL": "info",
    }
    with Processes(tmp_path, environ) as processes:
        team = Team(git_http, processes, tmp_path, postgres_url)
        yield team
        team.close()


def test_a_push_is_announced_planned_and_waited_for_across_processes(team: Team) -> None:
    until(lambda: team.outcome(team.first) == "live", 60, "the first commit is live")
    topic = team.repository.commit({"a.yaml": flow("alpha", "topic")}, branch="topic", parent=team.first)
    until(lambda: team.get("/plan", ref="topic").is_success, 30, "who syncs the source hears what is asked")
    plan = team.get("/plan", ref="topic").json()
    assert (plan["commit"], plan["relation"]) == (topic, "newer")
    assert [item["action"] for item in plan["changes"]] == ["changed"]

    team.repository.move("refs/heads/main", topic)
    heard = team.post("/hook", github(SECRET, commit=topic, delivery=topic))
    assert (heard.status_code, heard.json()["outcome"]) == (202, "synced")
    assert team.outcome(topic) == "live"

    last = team.repository.commit({"a.yaml": flow("alpha", "last")})
    synced = team.post("/sync?wait=60").json()
    assert (synced["looked"], synced["commit"]["commit"], synced["commit"]["outcome"]) == (True, last, "live")
