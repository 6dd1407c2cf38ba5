"""A look at a source that is waited for, by a syncer of the same process and by one that a broker leads to."""

import threading
from typing import Any

import pytest
from litestar.testing import TestClient

from api import asked
from engine.sync.source import FetchError, Snapshot
from tests.contract.api.play import Play
from tests.contract.api.syncing import Waiting, one
from tests.contract.sync.world import FAULTY


def sync(api: TestClient[Any], source: Waiting, wait: float = 20) -> Any:
    return api.post(f"/api/v1/sources/{source.name}/sync", params={"wait": wait})


def test_the_answer_comes_when_it_is_live(synced: TestClient[Any], play: Play, source: Waiting) -> None:
    for number in range(3):
        source.files["a.yaml"], source.commit = one(play, f"echo {number}"), f"{number:040x}"
        answer = sync(synced, source)
        found = answer.json()
        assert (answer.status_code, found["looked"], found["name"]) == (202, True, source.name)
        assert (found["conditions"]["applied"]["status"], found["diagnostics"]) == (True, [])
        shown = synced.get(f"/api/v1/workflows/{play.namespace}/alpha").json()
        assert shown["revision"] == number + 2


def test_a_fault_comes_with_its_place(synced: TestClient[Any], source: Waiting) -> None:
    source.files["broken.yaml"] = FAULTY
    found = sync(synced, source).json()
    assert [item["file"] for item in found["diagnostics"]] == ["broken.yaml"]


def test_a_source_that_cannot_be_read_says_so(synced: TestClient[Any], source: Waiting) -> None:
    source.failure = FetchError("unreachable", "it is away")
    found = sync(synced, source).json()
    assert (found["looked"], found["commit"], found["conditions"]["fetched"]["message"]) == (True, None, "it is away")


def test_a_look_that_is_on_its_way_is_not_the_one_that_was_asked_for(
    synced: TestClient[Any], play: Play, source: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have read the source before whoever asks changed it."""
    at_it, held, plain = threading.Event(), threading.Event(), source.fetch

    def slow() -> Snapshot:
        snapshot = plain()
        at_it.set()
        assert held.wait(20)
        return snapshot

    monkeypatch.setattr(source, "fetch", slow)
    first = threading.Thread(target=sync, args=(synced, source))
    first.start()
    assert at_it.wait(20)
    source.files["a.yaml"] = one(play, "echo new")
    answers: list[Any] = []
    second = threading.Thread(target=lambda: answers.append(sync(synced, source).json()))
    second.start()
    first.join(0.2)
    assert not answers
    held.set()
    second.join(20)
    first.join(20)
    assert answers[0]["looked"]
    assert synced.get(f"/api/v1/workflows/{play.namespace}/alpha").json()["revision"] == 2


def test_one_that_takes_too_long_is_waited_for_no_more(
    synced: TestClient[Any], source: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, plain = threading.Event(), source.fetch

    def slow() -> Snapshot:
        held.wait(20)
        return plain()

    monkeypatch.setattr(source, "fetch", slow)
    found = sync(synced, source, 0.5).json()
    held.set()
    assert (found["looked"], found["commit"]) == (False, None)


def test_what_rests_is_not_there_or_is_nobody_s(
    synced: TestClient[Any], source: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "TAKEN_SECONDS", 0.1)
    assert synced.post("/api/v1/sources/nowhere/sync?wait=1").status_code == 404
    synced.post("/api/v1/sources", json={"name": f"{source.name}-2", "folder": {"path": "/nowhere"}})
    assert synced.post(f"/api/v1/sources/{source.name}-2/sync?wait=1").status_code == 503
    assert synced.post(f"/api/v1/sources/{source.name}/sync?wait=301").status_code == 400
    synced.post(f"/api/v1/sources/{source.name}/suspend")
    for wait in (0, 1):
        answer = sync(synced, source, wait)
        assert (answer.status_code, "source resume" in answer.json()["detail"]) == (409, True)


def test_a_look_that_fails_for_a_reason_of_the_server_s_own(
    synced: TestClient[Any], source: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, failures = source.fetch, iter([RuntimeError("out of order")])

    def broken() -> Snapshot:
        for failure in failures:
            raise failure
        return plain()

    monkeypatch.setattr(source, "fetch", broken)
    problem = sync(synced, source).json()
    assert (problem["status"], "was not looked at: out of order" in problem["detail"]) == (503, True)
    assert sync(synced, source).json()["looked"]
