"""No request made of the document is answered with a failure of the server, or with what the document does not have."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from engine.artifacts import Artifacts
from engine.store.database import Database
from engine.store.schema import migrate
from tests.contract.api.play import Play
from tests.openapi.fuzzing import faults

REACHED = {
    "examples": {"POST /api/v1/workflows/{namespace}/{name}/runs", "POST /api/v1/runs/{run_id}/retry"},
    "fuzzing": {"GET /api/v1/workflows/{namespace}/{name}", "GET /api/v1/runs/{run_id}", "GET /api/v1/runs"},
}
"""Operations that a phase has succeed, or it would show little."""
WALKED_MIN = 3
"""How many operations a walk along links has succeed at least; which these are, the ids of runs decide."""

TEXT = """\
triggers: {hourly: {cron: "0 * * * *"}}
inputs: {who: {type: string, default: world}}
tasks:
  greet: {run: ./greet}
  report: {needs: [greet], run: ./report}
"""


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """A database with two workflows, one of them with runs in several states."""
    database = Database.open(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(database)
    play = Play(database)
    play.files(first=TEXT, second=TEXT)
    play.worker()
    yield play
    play.close()
    database.close()


@pytest.fixture
def app(play: Play, tmp_path: Path) -> Litestar:
    return create_app(
        Dependencies(
            database=play.database,
            broker=play.broker,
            clock=play.clock,
            sync_now=play.sync_asked,
            artifacts=Artifacts(str(tmp_path / "artifacts")),
        )
    )


@pytest.fixture
def known(app: Litestar, play: Play) -> dict[str, str]:
    """Values for paths: a workflow, and a run that has failed."""
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        answer = client.post(f"/api/v1/workflows/{play.namespace}/first/runs")
        assert answer.status_code == 201, answer.text
        run = answer.json()["id"]
    play.settle()
    play.carry_out(run, state="failed", reason="exit", exit_code=1)
    play.settle()
    return {"path.namespace": play.namespace, "path.name": "first", "path.run_id": run}


@pytest.mark.parametrize("phase", ["examples", "fuzzing", "stateful"])
def test_answers_are_as_documented(app: Litestar, known: dict[str, str], phase: str) -> None:
    if phase == "stateful":  # the links say which run
        del known["path.run_id"]
    found = faults(app, phase, known)
    assert not found.faults, "\n\n".join(found.faults)
    assert found.succeeded >= REACHED.get(phase, set()), found.succeeded
    assert len(found.succeeded) >= WALKED_MIN, found.succeeded
