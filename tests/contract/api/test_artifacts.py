import hashlib
from pathlib import Path

import pytest

from engine.artifacts import Artifacts
from engine.broker.messages import KeptFile

LEAVING = "tasks:\n  a: {run: echo, artifacts: ['**']}\n"
FAN = "tasks:\n  a: {matrix: {n: [1, 2]}, run: echo, artifacts: ['**']}\n"


def left(play, run_id: str, tmp_path: Path, **files: bytes) -> list[KeptFile]:
    """Files that are in the store as a worker puts them there."""
    found = []
    for name, content in files.items():
        (tmp_path / "file").write_bytes(content)
        kept = Artifacts(str(play.artifacts)).open().keep(run_id, tmp_path / "file")
        found.append(KeptFile(name.replace("__", "/"), kept.size, kept.sha256))
    return found


@pytest.fixture
def run(api, play):
    play.files(leaving=LEAVING, fan=FAN)
    play.worker()
    return lambda name: started(api, play, name)


def started(api, play, name: str) -> str:
    run_id = api.post(f"/api/v1/workflows/{play.namespace}/{name}/runs").json()["id"]
    play.advance()
    return run_id


def test_a_file_is_listed_and_comes_back_whole(api, play, run, tmp_path):
    run_id = run("leaving")
    play.carry_out(run_id, artifacts=left(play, run_id, tmp_path, a__x=b"one", b=b""))
    page = api.get(f"/api/v1/runs/{run_id}/artifacts").json()
    assert [(item["task"], item["name"], item["size"]) for item in page["items"]] == [("a", "a/x", 3), ("a", "b", 0)]
    assert page["next"] is None
    response = api.get(page["items"][0]["path"])
    assert (response.status_code, response.content) == (200, b"one")
    assert response.headers["etag"] == f'"{hashlib.sha256(b"one").hexdigest()}"'
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''x"
    again = api.get(page["items"][0]["path"], headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert api.get(page["items"][1]["path"]).content == b""


def test_pages_follow_each_other(api, play, run, tmp_path):
    run_id = run("leaving")
    play.carry_out(run_id, artifacts=left(play, run_id, tmp_path, **{f"f{n}": b"x" for n in range(5)}))
    names, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = api.get(f"/api/v1/runs/{run_id}/artifacts", params=params).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == [f"f{n}" for n in range(5)]


def test_an_item_of_a_fan_out_is_chosen_by_its_key(api, play, run, tmp_path):
    run_id = run("fan")
    for index in (0, 1):
        play.carry_out(run_id, f"0.{index}", artifacts=left(play, run_id, tmp_path, out=b"%d" % index))
    path = f"/api/v1/runs/{run_id}/artifacts/a/out"
    assert api.get(path, params={"key": "n=2"}).content == b"1"
    refused = api.get(path)
    assert (refused.status_code, refused.json()["errors"][0]["place"]) == (400, "query.key")


def test_a_run_has_the_files_of_what_it_took_over(api, play, run, tmp_path):
    first = run("leaving")
    play.carry_out(first, artifacts=left(play, first, tmp_path, out=b"kept"))
    answer = api.post(f"/api/v1/runs/{first}/resume", json={"dry_run": True}).json()
    assert [task["reused"] for task in answer["tasks"]] == [True]
    play.files(leaving=LEAVING + "  b: {needs: [a], run: echo}\n")
    second = api.post(f"/api/v1/runs/{first}/resume").json()["run"]["id"]
    (item,) = api.get(f"/api/v1/runs/{second}/artifacts").json()["items"]
    assert (item["name"], item["run"]) == ("out", first)
    assert api.get(item["path"]).content == b"kept"


def test_what_is_not_there_is_said(api, play, run, tmp_path):
    run_id = run("leaving")
    play.carry_out(run_id, artifacts=left(play, run_id, tmp_path, out=b"x"))
    for path in (f"{run_id}/artifacts/a/other", f"{run_id}/artifacts/b/out", f"{run_id}/artifacts/a/out?attempt=2"):
        problem = api.get(f"/api/v1/runs/{path}")
        assert (problem.status_code, problem.json()["type"]) == (404, "urn:chronoverse:problem:not-found")
    assert api.get(f"/api/v1/runs/{run_id}/artifacts?cursor=x").status_code == 400
    Artifacts(str(play.artifacts)).open().forget(run_id)
    problem = api.get(f"/api/v1/runs/{run_id}/artifacts/a/out").json()
    assert (problem["status"], problem["type"]) == (503, "urn:chronoverse:problem:no-artifact")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a//b", "x/", "", "a\x00b", "x\n/../y"])
def test_a_worker_cannot_name_a_file_outside(api, play, run, name):
    run_id = run("leaving")
    claim = play.claim(run_id)
    play.finish(run_id, claim, artifacts=[KeptFile(name, 1, "0" * 64)])
    assert api.get(f"/api/v1/runs/{run_id}/artifacts").json()["items"] == []
    assert api.get(f"/api/v1/runs/{run_id}").json()["state"] == "running"
