"""`chronoverse logs`: what is printed, what is asked, and the files that a download leaves."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from cli.client import ApiClient
from cli.main import cli

RUN = "01890000-0000-7000-8000-000000000001"
LINE = {
    "run_id": RUN,
    "pos": 3,
    "task": "load",
    "key": "shard=1",
    "attempt": 2,
    "at": "2026-03-01T12:00:00Z",
    "stream": "stderr",
    "text": "disk full",
}


def page(number: int, following: str | None = None) -> dict[str, object]:
    return {"items": [LINE] * number, "next": following, "runs_searched": 9}


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Result, list[httpx.URL]]]:
    """Run the command against an API that gives these answers in turn."""

    def run(line: str, *answers: dict[str, object] | bytes, status: int = 200) -> tuple[Result, list[httpx.URL]]:
        asked: list[httpx.URL] = []

        def handler(request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            answer = answers[min(len(asked), len(answers)) - 1]
            return httpx.Response(status, content=answer if isinstance(answer, bytes) else json.dumps(answer))

        client = ApiClient("http://127.0.0.1:1")
        client._http = httpx.Client(base_url="http://127.0.0.1:1/api/v1", transport=httpx.MockTransport(handler))
        monkeypatch.setattr(ApiClient, "of_environment", lambda: client)
        return CliRunner().invoke(cli, ["logs", *line.split()]), asked

    return run


def test_found_lines_say_where_they_are(logs) -> None:
    done, [url] = logs("search data/nightly DISK --since 2026-03-01 -n 10", page(1))
    assert (done.exit_code, done.stdout) == (0, f"2026-03-01 12:00:00 {RUN} load[shard=1] disk full\n")
    assert url.path == "/api/v1/workflows/data/nightly/logs/search"
    assert dict(url.params) == {"text": "DISK", "limit": "10", "since": "2026-03-01T00:00:00+00:00"}


def test_an_empty_page_is_not_the_end(logs) -> None:
    done, asked = logs("search nightly x --json", page(0, "here"), page(2))
    assert [json.loads(line) for line in done.stdout.splitlines()] == [LINE] * 2
    assert [url.params.get("cursor") for url in asked] == [None, "here"]
    assert asked[0].path == "/api/v1/workflows/default/nightly/logs/search"


def test_no_more_is_asked_than_is_wanted(logs) -> None:
    done, asked = logs("search nightly x -n 3", page(3, "more"))
    assert (len(done.stdout.splitlines()), len(asked)) == (3, 1)


def test_nothing_found_is_an_exit_status(logs) -> None:
    done, _ = logs("search nightly x", page(0))
    assert (done.exit_code, done.stdout) == (1, "")


def test_a_log_is_downloaded_to_a_file(logs, tmp_path: Path) -> None:
    for name, read in (("a.log", Path.read_bytes), ("a.log.gz", lambda path: gzip.decompress(path.read_bytes()))):
        done, [url] = logs(f"download {RUN} -o {tmp_path / name} --format ndjson", b"one\ntwo\n")
        assert (done.exit_code, read(tmp_path / name)) == (0, b"one\ntwo\n")
        assert (url.path, dict(url.params)) == (f"/api/v1/runs/{RUN}/logs/download", {"format": "ndjson"})


def test_a_log_is_downloaded_to_standard_output(logs) -> None:
    assert logs(f"download {RUN}", b"one\n")[0].stdout == "one\n"


def test_a_run_that_is_not_there_leaves_no_file(logs, tmp_path: Path) -> None:
    problem = {"type": "t", "title": "t", "status": 404, "detail": "there is no run", "instance": "/", "errors": []}
    done, _ = logs(f"download {RUN} -o {tmp_path / 'a'}", problem, status=404)
    assert (done.exit_code, list(tmp_path.iterdir())) == (1, [])


def test_a_file_that_cannot_be_written_is_named(logs, tmp_path: Path) -> None:
    done, _ = logs(f"download {RUN} -o {tmp_path}", b"one\n")
    assert done.exit_code == 1
    assert f"{tmp_path} cannot be written" in done.stderr


def test_a_run_alone_shows_its_log(logs) -> None:
    line = {name: value for name, value in LINE.items() if name != "run_id"}
    done, [url] = logs(f"{RUN} --task load", {"items": [line], "next": None, "complete": True})
    assert done.stdout == "12:00:00.000 load[shard=1] disk full\n"
    assert (url.path, url.params["task"]) == (f"/api/v1/runs/{RUN}/logs", "load")


@pytest.mark.parametrize("line", [RUN, f"{RUN} --tail 5"])
def test_of_a_log_that_was_deleted_it_is_said(logs, line) -> None:
    done, _ = logs(line, {"items": [], "next": None, "complete": True, "removed_at": "2026-03-01T12:00:00Z"})
    assert (done.exit_code, done.stdout) == (0, "")
    assert "the log was deleted at 2026-03-01 12:00:00 UTC" in done.stderr
