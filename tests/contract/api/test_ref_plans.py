"""Plans of branches and commits over the API, by a syncer of the same process and by one that a broker leads to."""

import threading
from typing import Any

import pytest
from litestar.testing import TestClient

from api import asked
from engine.services import packed_plans
from engine.services.syncer import PLANS_MAX
from engine.sync.source import FetchError, Snapshot
from tests.contract.api.play import Play
from tests.contract.api.syncing import Waiting, one
from tests.e2e.processes import until


@pytest.fixture
def api(synced: TestClient[Any]) -> TestClient[Any]:
    return synced


def plan(api: TestClient[Any], source: Waiting, ref: str = "") -> Any:
    return api.get(f"/api/v1/sources/{source.name}/plan", params={"ref": ref} if ref else {})


def test_a_branch_is_planned_and_nothing_is_changed(api: TestClient[Any], play: Play, source: Waiting) -> None:
    source.refs["topic"] = {"a.yaml": one(play, "echo new"), "c.yaml": one(play, "echo c", "gamma")}
    answer = plan(api, source, "topic")
    found = answer.json()
    assert answer.status_code == 200, found
    assert (found["commit"], found["diagnostics"], found["rejected"]) == ("topic", [], False)
    ends = {item["workflow"].partition("/")[2]: item["action"] for item in found["changes"]}
    assert ends == {"alpha": "changed", "beta": "removed", "gamma": "added"}
    (changed,) = (item for item in found["changes"] if item["action"] == "changed")
    assert changed["fields"] == [{"path": "tasks.only.run", "before": "echo a", "after": "echo new"}]
    assert len(changed["triggers"][0]["after"]) == 3
    shown = api.get(f"/api/v1/workflows/{play.namespace}/alpha").json()
    assert shown["revision"] == 1


def test_without_a_ref_it_is_what_the_next_sync_would_do(api: TestClient[Any], play: Play, source: Waiting) -> None:
    assert plan(api, source).json()["changes"] == []
    source.files["a.yaml"] = one(play, "echo new")
    assert [item["action"] for item in plan(api, source).json()["changes"]] == ["changed"]


REASONS = [
    ("ref_not_found", 404, "not-found"),
    ("ref_ambiguous", 400, "bad-parameter"),
    ("bad_ref", 400, "bad-parameter"),
    ("no_refs", 409, "conflict"),
    ("absent", 422, "unplannable"),
    ("empty", 422, "unplannable"),
    ("too_large", 422, "unplannable"),
    ("unreachable", 502, "source-unreadable"),
    ("auth_failed", 502, "source-unreadable"),
    ("timeout", 502, "source-unreadable"),
]


@pytest.mark.parametrize(("reason", "status", "kind"), REASONS)
def test_why_there_is_none_is_a_problem_of_its_own(
    api: TestClient[Any], source: Waiting, reason: str, status: int, kind: str
) -> None:
    source.failure = FetchError(reason, "it is so\n  hint: do that")
    problem = plan(api, source).json()
    assert (problem["status"], problem["type"]) == (status, f"urn:chronoverse:problem:{kind}")
    assert problem["detail"] == "it is so\n  hint: do that"


def test_what_is_not_there_rests_or_is_not_synced(
    api: TestClient[Any], play: Play, source: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan(api, source, "nowhere").status_code == 404
    assert plan(api, source, "x" * 251).status_code == 400
    assert api.get("/api/v1/sources/nowhere/plan").status_code == 404
    monkeypatch.setattr(asked, "TAKEN_SECONDS", 0.1)
    api.post("/api/v1/sources", json={"name": f"{source.name}-2", "folder": {"path": "/nowhere"}})
    answer = api.get(f"/api/v1/sources/{source.name}-2/plan")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:chronoverse:problem:nobody-syncs")
    api.post(f"/api/v1/sources/{source.name}/suspend")
    answer = plan(api, source)
    assert (answer.status_code, "source resume" in answer.json()["detail"]) == (409, True)


def test_a_failure_of_who_plans_is_no_traceback(
    api: TestClient[Any], source: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> Snapshot:
        raise RuntimeError("broken")

    monkeypatch.setattr(source, "snapshot_of", broken)
    problem = plan(api, source).json()
    assert (problem["status"], "broken" in problem["detail"], "log" in problem["detail"]) == (503, False, True)


def test_so_many_at_once_and_no_more(api: TestClient[Any], source: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    held, at_it, plain = threading.Event(), threading.Event(), source.snapshot_of

    def slow(ref: str) -> Snapshot:
        at_it.set()
        held.wait(20)
        return plain(ref)

    monkeypatch.setattr(source, "snapshot_of", slow)
    ends: list[int] = []
    threads = [
        threading.Thread(target=lambda: ends.append(plan(api, source).status_code)) for _ in range(PLANS_MAX + 2)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(ends) == 2, 20, "two are refused")
    assert at_it.is_set()
    held.set()
    for thread in threads:
        thread.join()
    assert sorted(ends) == [200] * PLANS_MAX + [503] * 2


def test_a_plan_that_takes_too_long_is_waited_for_no_more(
    api: TestClient[Any], source: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, plain = threading.Event(), source.snapshot_of

    def slow(ref: str) -> Snapshot:
        held.wait(20)
        return plain(ref)

    monkeypatch.setattr(source, "snapshot_of", slow)
    monkeypatch.setattr("api.routes.plans.PLAN_SECONDS", 0.2)
    problem = plan(api, source).json()
    assert (problem["status"], problem["type"]) == (504, "urn:chronoverse:problem:late")
    held.set()


def test_a_plan_too_large_for_a_message_says_so(
    api: TestClient[Any], source: Waiting, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(packed_plans, "PACKED_BYTES_MAX", 10)
    far = "far" in request.node.name
    assert plan(api, source).status_code == (422 if far else 200)
