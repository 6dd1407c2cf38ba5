"""docs/deploying.md as written: a push is announced, decided, waited for, and the forge is told."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from engine.forges import ForgeKind
from tests.contract.sync.forge import TOKEN, ForgeServer
from tests.e2e.processes import COMMAND, Processes, until
from tests.e2e.test_embedded import Server
from tests.integration.git_play import flow, unique
from tests.services.git import Repository
from tests.services.git_http import GitHttp
from tests.serving import serving
from tests.unit.forges.deliveries import Request, github

PAGE = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text(encoding="utf-8")
SECRET = "it is a secret to everybody"
FAULTY = "name: broken\ntasks:\n  only: {run: echo hi, neds: [x]}\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


class Team:
    """A repository, its forge, and a server that follows it, as the page has it."""

    def __init__(self, git: GitHttp, forge: ForgeServer, processes: Processes, directory: Path) -> None:
        name = unique()
        self.repository: Repository = git.new(name)
        self.forge = forge
        config = yaml.safe_load(blocks("yaml")[0])
        stated = config["sources"]["flows"]["git"]
        stated["status"] |= {"api": f"{forge.host}{forge.api.base}", "repository": "octo/flows"}
        config["sources"]["flows"]["git"] = {**stated, "url": git.url(name), "interval": "1h"}
        (directory / "chronoverse.yaml").write_text(yaml.safe_dump(config))
        self.first = self.push(flow("report", "one"))
        self.server = Server(processes, directory / "workflows", "up")
        self.url = self.server._base.removesuffix("/api/v1")
        for line, value in zip(blocks("bash")[0].splitlines(), (SECRET, TOKEN), strict=True):
            assert self.cli(*line.split()[1:], given=value).returncode == 0

    def push(self, text: str, **more: str) -> str:
        return str(self.repository.commit({"etl/report.yaml": text, **more}))

    def announce(self, commit: str) -> httpx.Response:
        request: Request = github(SECRET, commit=commit, delivery=commit)
        path = f"{self.url}/api/v1/sources/flows/hook"
        return httpx.post(path, content=request.body, headers=request.headers, timeout=10)

    def wait(self, commit: str) -> subprocess.CompletedProcess[str]:
        line = blocks("bash")[1].partition("&& ")[2].replace("$(git rev-parse HEAD)", commit)
        return self.cli(*line.split()[1:])

    def cli(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            env={"CHRONOVERSE_API_URL": self.url, "PATH": ""},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def told(self, commit: str) -> str:
        return str(self.forge.told[commit][-1]["state"]) if self.forge.told.get(commit) else ""


@pytest.fixture
def team(git_http: GitHttp, tmp_path: Path) -> Iterator[Team]:
    with serving(ForgeServer(ForgeKind.GITHUB)) as forge, Processes(tmp_path, {}) as processes:
        yield Team(git_http, forge, processes, tmp_path)


def test_a_push_is_a_deployment(team: Team) -> None:
    assert team.wait(team.first).returncode == 0
    until(lambda: team.told(team.first) == "success", 20, "the forge knows of the first commit")

    good = team.push(flow("report", "two"))
    assert team.announce(good).json()["outcome"] == "synced"
    done = team.wait(good)
    assert (done.returncode, f"{good[:12]} " in done.stdout) == (0, True), done
    until(lambda: team.told(good) == "success", 20, "the forge knows that it is live")

    bad = team.push(FAULTY)
    team.announce(bad)
    done = team.wait(bad[:10])
    assert (done.returncode, "etl/report.yaml:3:" in done.stdout) == (1, True), done
    until(lambda: team.told(bad) == "failure", 20, "the forge knows that it is not")
    planned = team.cli("plan", "flows", "--ref", good[:10])
    assert (planned.returncode, f"flows at {good[:12]}: nothing changes" in planned.stdout) == (0, True), planned
    synced = team.cli("source", "sync", "flows", "--wait")
    assert (synced.returncode, synced.stdout[:12], "is rejected" in synced.stdout) == (1, bad[:12], True), synced
    shown = team.server.get(f"/sources/flows/commits/{good}")
    assert (shown["outcome"], shown["current"], shown["status_error"]) == ("live", True, "")


def test_a_push_of_one_file_among_a_thousand_is_live_within_a_second(team: Team) -> None:
    many = {f"etl/flow{number}.yaml": flow(f"flow{number}") for number in range(1000)}
    filled = team.push(flow("report", "filled"), **many)
    team.announce(filled)
    assert team.wait(filled).returncode == 0

    def seconds(word: str) -> float:
        commit = team.push(flow("report", word))
        begin = time.monotonic()
        team.announce(commit)
        assert team.server.get(f"/sources/flows/commits/{commit}", wait=8)["outcome"] == "live"
        return time.monotonic() - begin

    assert min(seconds(word) for word in ("three", "four", "five")) < 1.0
