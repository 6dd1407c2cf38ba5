"""Every request that may change something leaves one row in the audit log, if anybody answers for it."""

from typing import Any

import pytest

from api.access import ACCESS
from tests.contract.api.play import Play
from tests.contract.api.test_access import Closed, _filled, closed, operations

__all__ = ["closed"]
SAFE = {"GET", "HEAD"}


def written(found: Closed, **params: object) -> list[dict[str, Any]]:
    answer = found.ask("root", "GET", "/api/v1/audit", params=params)
    assert answer.status_code == 200, answer.text
    found_rows: list[dict[str, Any]] = answer.json()["items"]
    return found_rows


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the table is the same on both
@pytest.mark.parametrize("who", ["anonymous", "viewer", "root"])
def test_every_operation_that_may_change_something_is_written_once(closed: Closed, play: Play, who: str) -> None:
    expected = []
    for operation, (method, path) in operations(closed.app).items():
        if operation in {"followLogs", "followEvents"}:  # they would not end
            continue
        status = closed.ask(who, method, _filled(path, play.namespace, "0" * 8)).status_code
        if method not in SAFE and who != "anonymous":
            expected.append((operation, method, status))
    assert {operation for operation, _, _ in expected} < set(ACCESS)
    rows = written(closed, limit=200)
    assert [(row["operation"], row["method"], row["status"]) for row in rows][::-1] == expected
    assert {row["who"] for row in rows} == ({f"{who}-{play.namespace}"} if expected else set())


def test_a_row_says_who_asked_for_what_from_where_and_never_what_was_sent(closed: Closed, play: Play) -> None:
    path = f"/api/v1/workflows/{play.namespace}/flow/runs"
    closed.ask("operator", "POST", path, json={"labels": {"word": "hunter22"}})
    closed.ask("stranger", "POST", path, json={"labels": {"word": "hunter22"}})
    closed.ask("anonymous", "POST", "/api/v1/session", json={"name": f"ann-{play.namespace}", "password": "hunter22"})
    rows = written(closed)[:3]
    assert [(row["who"], row["operation"], row["status"]) for row in rows] == [
        (f"ann-{play.namespace}", "logIn", 401),
        (f"stranger-{play.namespace}", "triggerRun", 404),
        (f"operator-{play.namespace}", "triggerRun", 201),
    ]
    assert {row["path"] for row in rows[1:]} == {path}
    assert {(row["address"], row["agent"]) for row in rows} == {("testclient", "testclient")}
    assert "hunter22" not in str(rows)
    assert [row["status"] for row in written(closed, who=f"stranger-{play.namespace}", refused=True)] == [404]
    assert written(closed, operation="cancelRun", who=f"operator-{play.namespace}") == []


def test_who_logs_in_on_and_out_is_known_and_so_is_whose_log_in_was_stolen(closed: Closed, play: Play) -> None:
    name = f"viewer-{play.namespace}"
    first = closed.log_in(name)["refresh_token"]
    second = closed.client.post("/api/v1/session/refresh", json={"refresh_token": first}).json()["refresh_token"]
    closed.client.post("/api/v1/session/end", json={"refresh_token": second})
    stolen = closed.log_in(name)["refresh_token"]
    for _ in range(2):
        closed.client.post("/api/v1/session/refresh", json={"refresh_token": stolen})
    closed.client.post("/api/v1/session/refresh", json={"refresh_token": "cvr_nobodys"})
    rows = written(closed, who=name)[::-1]
    assert [(row["operation"], row["status"]) for row in rows] == [
        ("logIn", 200),
        ("carryOn", 200),
        ("logOut", 204),
        ("logIn", 200),
        ("carryOn", 200),
        ("carryOn", 401),
    ]


def test_what_nobody_answers_for_is_not_written(closed: Closed, play: Play) -> None:
    before = written(closed)
    path = f"/api/v1/workflows/{play.namespace}/flow/runs"
    closed.ask("anonymous", "POST", path, json={})
    closed.ask("nonsense", "POST", path, json={})
    closed.ask("anonymous", "POST", f"/api/v1/hooks/{play.namespace}/flow/push", json={})
    closed.ask("anonymous", "POST", "/api/v1/session/end", json={"refresh_token": "cvr_nobodys"})
    assert written(closed) == before


def test_what_cannot_be_asked_is_said(closed: Closed) -> None:
    for params in ({"cursor": "x"}, {"since": "yesterday"}, {"whom": "ann"}):
        assert closed.ask("root", "GET", "/api/v1/audit", params=params).status_code == 400
