"""`chronoverse wait`: its exit status is that of a deployment."""

import json
from collections.abc import Callable

import httpx
import pytest
from click.testing import CliRunner, Result

from api.schemas.sources import Source
from cli import commits as module
from cli.client import ApiClient
from cli.main import cli

A, B = "a" * 40, "b" * 40
FAULT = {
    "code": "E101",
    "severity": "error",
    "message": "unknown key 'neds'",
    "file": "etl/load.yaml",
    "line": 7,
    "column": 3,
    "end_line": 7,
    "end_column": 7,
    "hint": "did you mean 'needs'?",
}


def commit(outcome: str, sha: str = A, **more: object) -> httpx.Response:
    body = {
        "source": "repo",
        "commit": sha,
        "author": "",
        "title": "Load twice",
        "outcome": outcome,
        "current": outcome == "live",
        "message": "said",
        "diagnostics": [],
        "superseded_by": None,
        "seen_at": "2026-03-01T12:00:00Z",
        "settled_at": None,
        "status_error": "",
        **more,
    }
    return httpx.Response(200, json=body)


def unseen(what: str = "commit") -> httpx.Response:
    problem = {"type": "t", "title": "t", "status": 404, "detail": f"there is no {what} x", "instance": "/"}
    return httpx.Response(404, json={**problem, "errors": []})


def source(name: str, kind: str = "git") -> dict[str, object]:
    given = {"name": name, "kind": kind, "config": {}, "conditions": {}, "diagnostics": []}
    return {**dict.fromkeys(Source.__struct_fields__), **given, "updated_at": "2026-03-01T12:00:00Z"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command against an API that answers in turn; the last answer is given again."""

    def run(line: str, *answers: httpx.Response | httpx.HTTPError, command: str = "wait") -> Result:
        left = list(answers)

        def handler(request: httpx.Request) -> httpx.Response:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, httpx.HTTPError):
                raise answer
            return answer

        client = ApiClient("http://127.0.0.1:1")
        client._http = httpx.Client(base_url="http://127.0.0.1:1/api/v1", transport=httpx.MockTransport(handler))
        monkeypatch.setattr(ApiClient, "of_environment", lambda: client)
        monkeypatch.setattr(module, "AGAIN_SECONDS", 0.0)
        return CliRunner().invoke(cli, [command, *line.split()])

    return run


def test_one_live_is_a_success(run) -> None:
    done = run(f"{A} --source repo", commit("live"))
    assert (done.exit_code, done.stdout) == (0, "aaaaaaaaaaaa (Load twice) is live: said\n")


@pytest.mark.parametrize("outcome", ["rejected", "failed"])
def test_one_refused_is_a_failure_with_its_places(run, outcome) -> None:
    done = run(f"{A} --source repo", commit(outcome, diagnostics=[FAULT]))
    assert done.exit_code == 1
    assert "etl/load.yaml:7:3: error E101 unknown key 'neds'\n  hint: did you mean 'needs'?" in done.stdout


@pytest.mark.parametrize(("end", "status"), [("live", 0), ("rejected", 1)])
def test_of_one_overtaken_the_successors_end_counts(run, end, status) -> None:
    done = run(f"{A} --source repo", commit("superseded", superseded_by=B), commit(end, B))
    assert done.exit_code == status
    assert done.stdout.startswith("aaaaaaaaaaaa is superseded: said\nbbbbbbbbbbbb")


def test_one_not_decided_in_time_has_a_status_of_its_own(run) -> None:
    for answer in (commit("pending"), unseen()):
        done = run(f"{A} --source repo --timeout 0.01s", answer)
        assert (done.exit_code, "was not decided within 0.01 s" in done.stderr) == (3, True)


def test_a_server_that_is_away_for_a_while_is_waited_for(run) -> None:
    away = [httpx.ConnectError("refused"), httpx.Response(502, text="<html>"), unseen()]
    assert run(f"{A} --source repo", *away, commit("pending"), commit("live")).exit_code == 0


def test_a_source_that_is_not_there_is_not_waited_for(run) -> None:
    done = run(f"{A} --source repo", unseen("source"))
    assert (done.exit_code, "there is no source" in done.stderr) == (1, True)


@pytest.mark.parametrize("line", ["zzz", "abc", f"{A} --timeout soon", ""])
def test_misuse_is_said_before_anything_is_asked(run, line) -> None:
    assert run(line, httpx.Response(500)).exit_code == 2


def test_the_source_is_named_where_there_are_several(run) -> None:
    page = {"items": [source("folder", "folder"), source("one")], "next": None}
    assert run(A, httpx.Response(200, json=page), commit("live")).exit_code == 0
    page["items"].append(source("two"))
    done = run(A, httpx.Response(200, json=page))
    assert (done.exit_code, "one, two; say which is meant" in done.stderr) == (2, True)
    assert run(A, httpx.Response(200, json={"items": [], "next": None})).exit_code == 2


def test_scripts_get_json(run) -> None:
    done = run(f"{A} --source repo --json", commit("superseded", superseded_by=B), commit("live", B))
    assert json.loads(done.stdout)["commit"] == B


def test_commits_are_listed_with_a_star_for_what_is_live(run) -> None:
    rows = [json.loads(commit(outcome, sha).content) for outcome, sha in (("rejected", B), ("live", A))]
    page = httpx.Response(200, json={"items": rows, "next": None})
    first, second = run("repo", page, command="commits").stdout.splitlines()[1:]
    assert first.split()[:2] == ["bbbbbbbbbbbb", "rejected"]
    assert second.split()[:3] == ["aaaaaaaaaaaa", "live", "*"]
    assert json.loads(run("repo --json", page, command="commits").stdout)["items"][1]["commit"] == A
