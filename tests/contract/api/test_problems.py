import pytest

from engine.clock import new_id

PLAIN = "tasks:\n  a: {run: echo}\n"


def faults(answer) -> dict[str, dict[str, str]]:
    return {fault["place"]: fault for fault in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("params", "place", "remedy"),
    [
        ({"state": "done"}, "query.state", "succeeded"),
        ({"limit": 0}, "query.limit", ""),
        ({"limit": "many"}, "query.limit", ""),
        ({"since": "yesterday"}, "query.since", "2026-01-31T12:00:00Z"),
        ({"until": "2026-01-01T00:00:00"}, "query.until", "Z"),
        ({"cursor": "abc"}, "query.cursor", "next"),
        ({"label": "team"}, "query.label", "label=team:data"),
        ({"workflow": "hello"}, "query.workflow", "namespace/name"),
        ({"stat": "failed"}, "query.stat", "state"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_place_and_the_remedy(api, params, place, remedy):
    answer = api.get("/api/v1/runs", params=params)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:chronoverse:problem:bad-parameter"
    assert remedy in faults(answer)[place]["hint"]


@pytest.mark.parametrize("run_id", ["x", "00000000-0000-0000-0000-00000000000g", "%20"])
def test_a_run_id_that_is_no_uuid_is_refused(api, run_id):
    answer = api.get(f"/api/v1/runs/{run_id}")
    assert (answer.status_code, set(faults(answer))) == (400, {"path.run_id"})


@pytest.mark.parametrize(
    ("content", "status", "place"),
    [
        (b"{", 400, None),
        (b"\xff\xfe", 400, None),
        (b"[]", 422, "body"),
        (b'{"inputs": []}', 422, "body.inputs"),
        (b'{"input": {}}', 422, "body"),
        (b'{"labels": {"a": 1}}', 422, "body.labels[...]"),
    ],
)
def test_a_wrong_body_is_refused_with_its_place(api, play, content, status, place):
    play.files(a=PLAIN)
    answer = api.post(
        f"/api/v1/workflows/{play.namespace}/a/runs", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == status
    assert set(faults(answer)) == ({place} if place else set())


def test_an_unknown_field_is_answered_with_the_fields_there_are(api, play):
    play.files(a=PLAIN)
    answer = api.post(f"/api/v1/workflows/{play.namespace}/a/runs", json={"input": {}})
    assert "inputs, labels" in faults(answer)["body"]["hint"]


def test_a_body_that_is_too_large_is_refused(api):
    answer = api.post("/api/v1/validate", content=b"x" * (2 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:chronoverse:problem:too-large")


def test_paths_and_methods_that_are_not_there_are_problems_too(api):
    missing, method = api.get("/api/v1/nothing"), api.put("/api/v1/runs")
    assert (missing.status_code, missing.json()["instance"]) == (404, "/api/v1/nothing")
    assert (method.status_code, method.json()["type"]) == (405, "urn:chronoverse:problem:method-not-allowed")


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_an_idempotency_key_that_cannot_be_kept_is_refused(api, play, key):
    play.files(a=PLAIN)
    answer = api.post(f"/api/v1/workflows/{play.namespace}/a/runs", headers={"Idempotency-Key": key})
    assert (answer.status_code, set(faults(answer))) == (400, {"header.Idempotency-Key"})


def test_a_fault_of_the_servers_own_shows_nothing_of_itself(api, play, caplog):
    def broken() -> str:
        raise RuntimeError("the secret is xyzzy")

    play.health["thing"] = broken
    answer = api.get("/health/ready")
    assert answer.status_code == 500
    assert "xyzzy" not in answer.text
    assert "Traceback" not in answer.text
    assert "the secret is xyzzy" in caplog.text


def test_a_database_that_is_away_is_no_fault_of_the_request(api, play, monkeypatch):
    from engine.store.errors import RetryableError

    def away():
        raise RetryableError("gone for lunch")

    monkeypatch.setattr(type(play.database), "read", lambda _: away())
    answer = api.get(f"/api/v1/runs/{new_id()}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_readiness_says_what_is_wrong(api, play):
    play.health["broker"] = lambda: ""
    assert api.get("/health/ready").json() == {"status": "ok", "checks": {"broker": {"ok": True, "detail": ""}}}
    play.health["broker"] = lambda: "no answer"
    answer = api.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"] == {"ok": False, "detail": "no answer"}
    assert api.get("/health/live").status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1"])
def test_loopback_names_are_served(api, host):
    assert api.get("/health/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil.example:80", ""]
)
def test_other_names_are_refused(api, host):
    answer = api.get("/api/v1/runs", headers={"Host": host})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:chronoverse:problem:forbidden-origin")


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://127.0.0.1:8080", 404), ("http://127.0.0.1:9999", 403), ("https://evil.example", 403), ("null", 403)],
)
def test_a_change_is_taken_only_from_a_page_of_this_server(api, origin, status):
    answer = api.post(f"/api/v1/runs/{new_id()}/cancel", headers={"Origin": origin})
    assert answer.status_code == status
