import pytest

EVERY = "labels: {team: data}\ntriggers:\n  often: {every: 15m}\ntasks:\n  a: {run: echo}\n"
PLAIN = "tasks:\n  a: {run: echo}\n"


def test_workflows_are_listed_by_name_page_after_page(api, play):
    play.files(**dict.fromkeys(["b", "a", "c"], PLAIN))
    first = api.get("/api/v1/workflows", params={"namespace": play.namespace, "limit": 2}).json()
    params = {"namespace": play.namespace, "limit": 2, "cursor": first["next"]}
    second = api.get("/api/v1/workflows", params=params).json()
    assert [item["name"] for item in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


def test_workflows_are_filtered_by_label_and_pause(api, play):
    play.files(a=EVERY, b=PLAIN)
    api.post(f"/api/v1/workflows/{play.namespace}/b/pause")

    def found(**params: object) -> list[str]:
        answer = api.get("/api/v1/workflows", params={"namespace": play.namespace, **params})
        return [item["name"] for item in answer.json()["items"]]

    assert found(label="team:data") == ["a"]
    assert found(label="team:web") == []
    assert found(paused="true") == ["b"]
    assert found(paused="false") == ["a"]
    assert found(archived="true") == []


def test_a_workflow_shows_revision_triggers_and_readiness(api, play):
    play.files(a=EVERY)
    shown = api.get(f"/api/v1/workflows/{play.namespace}/a").json()
    assert shown["revision"] == 1
    assert shown["active_revision"]["document"]["name"] == "a"
    assert [(item["name"], item["kind"]) for item in shown["triggers"]] == [("often", "every")]
    assert shown["triggers"][0]["next_at"] is not None
    assert shown["ready"]["state"] == "ready"
    assert shown["pause"] is None


def test_revisions_are_listed_newest_first_and_shown_with_their_document(api, play):
    play.files(a=PLAIN)
    play.files(a=EVERY)
    path = f"/api/v1/workflows/{play.namespace}/a/revisions"
    first = api.get(path, params={"limit": 1}).json()
    second = api.get(path, params={"limit": 1, "cursor": first["next"]}).json()
    assert [item["number"] for item in first["items"] + second["items"]] == [2, 1]
    assert "triggers" not in api.get(f"{path}/1").json()["document"]
    assert api.get(f"{path}/3").status_code == 404


def test_firings_to_come_are_in_order_and_none_while_paused(api, play):
    play.files(a="triggers:\n  often: {every: 15m}\n  hourly: {cron: '0 * * * *'}\ntasks:\n  a: {run: echo}\n")
    path = f"/api/v1/workflows/{play.namespace}/a"
    firings = api.get(f"{path}/upcoming", params={"limit": 10}).json()["items"]
    assert len(firings) == 10
    times = [item["fire_time"] for item in firings]
    assert times == sorted(times)
    assert {item["trigger"] for item in firings} == {"often", "hourly"}
    api.post(f"{path}/pause")
    assert api.get(f"{path}/upcoming").json()["items"] == []


def test_pause_says_since_when_by_whom_and_why_and_resume_undoes_it(api, play):
    play.files(a=EVERY)
    path = f"/api/v1/workflows/{play.namespace}/a"
    paused = api.post(f"{path}/pause", json={"reason": "disk full"}).json()
    assert paused["pause"]["reason"] == "disk full"
    assert api.post(f"{path}/pause", json={"reason": "other"}).json()["pause"] == paused["pause"]
    assert api.post(f"{path}/runs").status_code == 201
    assert api.post(f"{path}/resume").json()["pause"] is None


@pytest.mark.parametrize(
    ("path", "method"),
    [("", "get"), ("/revisions", "get"), ("/upcoming", "get"), ("/pause", "post"), ("/runs", "post")],
)
def test_an_unknown_workflow_is_not_found(api, play, path, method):
    assert getattr(api, method)(f"/api/v1/workflows/{play.namespace}/nothing{path}").status_code == 404


def test_a_removed_workflow_does_not_run_any_more(api, play):
    play.files(a=PLAIN, b=PLAIN)
    play.remove("a")
    path = f"/api/v1/workflows/{play.namespace}/a"
    assert api.get(path).json()["archived_at"] is not None
    assert api.post(f"{path}/runs").status_code == 409


def test_a_source_shows_its_conditions_and_diagnostics_and_can_be_synced(api, play):
    play.files(a=PLAIN)
    play.files(a="tasks:\n  a: {rum: echo}\n")
    path = f"/api/v1/sources/{play.namespace}"
    shown = api.get(path).json()
    assert shown["conditions"]
    assert shown["diagnostics"][0]["line"] > 1
    assert shown["name"] in {item["name"] for item in api.get("/api/v1/sources").json()["items"]}
    assert api.post(f"{path}/sync").status_code == 202
    assert play.synced == [play.namespace]
    assert api.post("/api/v1/sources/nothing/sync").status_code == 404


def test_workers_are_listed_with_the_state_of_their_session(api, play):
    play.worker(pools=("default", "gpu"), slots=3)
    found = [item for item in api.get("/api/v1/workers").json()["items"] if item["session"] == play.session]
    assert [(item["state"], item["pools"], item["slots"]) for item in found] == [("live", ["default", "gpu"], 3)]


def test_a_workflow_is_explained_by_what_the_engine_asks(api, play):
    play.files(a="concurrency: {limit: 1}\n" + EVERY.replace("run: echo", "run: echo, pool: nobody"))
    path = f"/api/v1/workflows/{play.namespace}/a"
    api.post(f"{path}/pause", json={"reason": "holidays"})
    checks = {item["check"]: item for item in api.get(f"{path}/explain").json()["checks"]}
    assert not checks["paused"]["ok"]
    assert "holidays" in checks["paused"]["detail"]
    assert checks["concurrency"]["ok"]
    assert not checks["pool nobody"]["ok"]
    assert "no live worker" in checks["pool nobody"]["detail"]


def test_a_run_in_line_is_explained_by_who_is_before_it(api, play):
    tasks = "  a: {run: echo, retry: {max_attempts: 2, delay: 1h}}\n  b: {run: echo, needs: [a]}\n"
    play.files(a=f"concurrency: {{limit: 1}}\ntasks:\n{tasks}")
    play.worker()
    path = f"/api/v1/workflows/{play.namespace}/a/runs"
    first, second = api.post(path).json()["id"], api.post(path).json()["id"]
    play.settle()

    def checks(run_id: str) -> dict[str, dict[str, object]]:
        return {item["check"]: item for item in api.get(f"/api/v1/runs/{run_id}/explain").json()["checks"]}

    line = checks(second)["concurrency"]
    assert not line["ok"]
    assert first in line["detail"]
    assert "number 1 in line" in line["detail"]
    assert "pool default" in checks(first)["task a"]["detail"]
    assert "needs a (queued)" in checks(first)["task b"]["detail"]
    play.carry_out(first, state="failed", reason="exit")
    assert "due at" in checks(first)["task a"]["detail"]
