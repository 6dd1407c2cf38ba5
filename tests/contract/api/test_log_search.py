"""Search across the logs of a workflow's runs, newest first, in bounded bites; and a log as a file."""

import gzip
import json
from datetime import timedelta

import pytest

from engine.services import log_search
from engine.services.log_search import LogSearch, Wanted
from engine.store.reads_workflows import read_workflow
from engine.store.tables import log_batches
from engine.store.tables_rollups import run_logs

TEXT = "tasks:\n  a: {run: echo}\n"
LINES = ("one", "Error: disk full", 'said "no"', "error again", "Ärger")


@pytest.fixture
def runs(api, play):
    """Two runs with the same lines in two batches each; the first has ended."""
    play.files(one=TEXT)
    play.worker()
    found = []
    for _ in range(2):
        run_id = api.post(f"/api/v1/workflows/{play.namespace}/one/runs").json()["id"]
        play.advance()
        claim = play.claim(run_id, 0)
        play.log(run_id, claim, *LINES[:3])
        play.log(run_id, claim, *LINES[3:])
        found.append(run_id)
        if len(found) == 1:
            play.finish(run_id, claim, 0, log_batches=2)
    return found


@pytest.fixture
def search(api, play):
    def search(text, status=200, **params):
        path = f"/api/v1/workflows/{play.namespace}/one/logs/search"
        answer = api.get(path, params={"text": text, **params})
        assert answer.status_code == status, answer.text
        return answer.json()

    return search


def places(page):
    return [(item["run_id"], item["pos"], item["text"]) for item in page["items"]]


def test_lines_are_found_newest_first_whatever_their_case(runs, search):
    page = search("ERROR")
    wanted = [(run, pos, text) for run in reversed(runs) for pos, text in ((2, LINES[3]), (1, LINES[1]))]
    assert places(page) == wanted
    assert (page["next"], page["runs_searched"]) == (None, 2)
    assert (page["items"][0]["task"], page["items"][0]["attempt"], page["items"][0]["stream"]) == ("a", 1, "stdout")


@pytest.mark.parametrize(("text", "number"), [('"no"', 2), ("ärger", 2), ("disk full", 2), ("\\", 0), ("stdout", 0)])
def test_what_is_looked_for_is_the_text_of_a_line(runs, search, text, number):
    assert len(search(text)["items"]) == number


def test_pages_go_on_where_the_one_before_ended(runs, search):
    whole, seen, cursor = places(search("e")), [], None
    assert len(whole) > 5
    for _ in range(len(whole)):
        page = search("e", limit=1, **({"cursor": cursor} if cursor else {}))
        seen += places(page)
        cursor = page["next"]
    assert (seen, cursor) == (whole, None)


def test_the_time_of_a_line_counts(play, runs, search):
    now = play.clock()
    later, earlier = ((now + timedelta(days=days)).isoformat() for days in (1, -1))
    assert len(search("disk", since=earlier, until=later)["items"]) == 2
    assert search("disk", since=later)["items"] == []
    assert search("disk", until=earlier)["items"] == []


@pytest.mark.parametrize("name", ["RUNS_MAX", "BATCHES_MAX"])
def test_a_bite_is_bounded_and_all_bites_together_find_all(runs, search, monkeypatch, name):
    whole = places(search("e"))
    monkeypatch.setattr(log_search, name, 1)
    monkeypatch.setattr(log_search, "_RUNS_A_LOOK", 1)
    monkeypatch.setattr(log_search, "_BATCHES_A_LOOK", 1)
    seen, cursors, cursor = [], 0, None
    while cursors == 0 or cursor:
        page = search("e", **({"cursor": cursor} if cursor else {}))
        seen += places(page)
        cursor, cursors = page["next"], cursors + 1
        assert cursors < 20
    assert seen == whole
    assert cursors > 1


def test_a_bite_ends_with_its_time(play, runs):
    with play.database.read() as connection:
        row = read_workflow(connection, play.namespace, "one")
    ticks = iter(range(0, 1000, 3))
    found = LogSearch(play.database, Wanted(workflow_id=row.id, text="nowhere"), lambda: next(ticks)).find(None, 10)
    assert (found.matches, found.batches) == ([], 1)
    assert found.next is not None
    assert found.next.run_id == runs[1]


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"cursor": "x"}, "query.cursor"),
        ({"text": ""}, "text"),
        ({"text": "x" * 201}, "text"),
        ({"since": "x"}, "since"),
    ],
)
def test_what_cannot_be_searched_is_refused(runs, search, params, place):
    given = {"text": "x", **params}
    assert place in json.dumps(search(given.pop("text"), 400, **given))


def test_an_unknown_workflow_is_not_found(api, search):
    assert search("x", 404)["status"] == 404


def test_a_log_is_downloaded_whole(api, runs):
    path = f"/api/v1/runs/{runs[0]}/logs/download"
    plain = api.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-disposition"] == f'attachment; filename="{runs[0]}.log"'
    assert "content-encoding" not in plain.headers
    assert [line.split(" stdout ")[1] for line in plain.text.splitlines()] == list(LINES)
    packed = api.get(path, params={"format": "ndjson"}, headers={"Accept-Encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert [json.loads(line)["text"] for line in packed.text.splitlines()] == list(LINES)
    with api.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as raw:
        assert gzip.decompress(b"".join(raw.iter_raw())).decode() == plain.text
    assert api.get(f"/api/v1/runs/{'0' * 8}-0000-0000-0000-{'0' * 12}/logs/download").status_code == 404


def test_the_log_of_a_run_that_wrote_nothing_is_empty(api, play, runs):
    run_id = api.post(f"/api/v1/workflows/{play.namespace}/one/runs").json()["id"]
    for encoding in ("gzip", "identity"):
        answer = api.get(f"/api/v1/runs/{run_id}/logs/download", headers={"Accept-Encoding": encoding})
        assert (answer.status_code, answer.text) == (200, "")


def test_a_log_that_retention_took_says_so(api, play, runs):
    now = play.clock()
    with play.database.write() as connection:
        row = {"run_id": runs[0], "workflow_id": "w", "finished_at": now, "bytes": 0, "removed_at": now}
        connection.execute(run_logs.insert().values(**row))
        connection.execute(log_batches.delete().where(log_batches.c.run_id == runs[0]))
    page = api.get(f"/api/v1/runs/{runs[0]}/logs").json()
    assert (page["items"], page["complete"]) == ([], True)
    assert page["removed_at"].startswith(f"{now:%Y-%m-%dT%H:%M:%S}")
    assert api.get(f"/api/v1/runs/{runs[1]}/logs").json()["removed_at"] is None
