from datetime import timedelta

from litestar.testing import TestClient

from engine.clock import new_id
from tests.contract.api.play import WORKER, Play

HELLO = """
labels: {team: data}
inputs:
  day: {type: date, default: "2026-01-01"}
  region: {type: string, enum: [eu, us]}
tasks:
  extract:
    run: echo rows=3 >> "$CHRONOVERSE_OUTPUT"
    outputs: {rows: integer}
    retry: {max_attempts: 2}
  load:
    needs: [extract]
    run: echo done
"""
EU = {"inputs": {"region": "eu"}}


def trigger(api: TestClient, play: Play, name: str = "hello", **headers: str):
    return api.post(f"/api/v1/workflows/{play.namespace}/{name}/runs", json=EU, headers=headers)


def started(api: TestClient, play: Play, **files: str) -> str:
    play.files(**(files or {"hello": HELLO}))
    play.worker()
    run_id = trigger(api, play, next(iter(files), "hello")).json()["id"]
    play.advance()
    return run_id


def test_a_triggered_run_is_created_with_its_inputs_and_can_be_found(api, play):
    play.files(hello=HELLO)
    answer = trigger(api, play)
    assert answer.status_code == 201
    run = answer.json()
    assert answer.headers["location"] == f"/api/v1/runs/{run['id']}"
    assert run["state"] == "queued"
    assert run["workflow"] == {"namespace": play.namespace, "name": "hello"}
    assert run["labels"] == {"team": "data"}
    shown = api.get(answer.headers["location"]).json()
    assert shown["inputs"] == {"day": "2026-01-01", "region": "eu"}
    assert shown["trigger"] == {"kind": "manual", "name": None}


def test_inputs_that_do_not_fit_are_all_named_and_make_no_run(api, play):
    play.files(hello=HELLO)
    answer = api.post(
        f"/api/v1/workflows/{play.namespace}/hello/runs", json={"inputs": {"region": "mars", "colour": "red", "day": 3}}
    )
    assert answer.status_code == 422
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:chronoverse:problem:invalid-inputs"
    assert {fault["place"] for fault in problem["errors"]} == {
        "body.inputs.region",
        "body.inputs.colour",
        "body.inputs.day",
    }
    assert api.get("/api/v1/runs", params={"workflow": f"{play.namespace}/hello"}).json()["items"] == []


def test_a_request_under_one_key_is_carried_out_once_and_answered_alike(api, play):
    play.files(hello=HELLO)
    key = {"Idempotency-Key": "k"}
    first, second = trigger(api, play, **key), trigger(api, play, **key)
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    runs = api.get("/api/v1/runs", params={"workflow": f"{play.namespace}/hello"}).json()["items"]
    assert [run["id"] for run in runs] == [first.json()["id"]]


def test_a_key_is_refused_for_another_body_and_free_again_after_a_day(api, play):
    play.files(hello=HELLO)
    path, key = f"/api/v1/workflows/{play.namespace}/hello/runs", {"Idempotency-Key": "k"}
    first = api.post(path, json=EU, headers=key).json()
    other = api.post(path, json={"inputs": {"region": "us"}}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:chronoverse:problem:idempotency-key-reused")
    play.clock.forward(hours=25)
    assert api.post(path, json=EU, headers=key).json()["id"] != first["id"]


def test_a_run_shows_its_tasks_as_they_go_on(api, play):
    run_id = started(api, play)
    shown = api.get(f"/api/v1/runs/{run_id}").json()
    assert shown["state"] == "running"
    assert shown["task_counts"] == {"queued": 1, "pending": 1}
    assert [(task["task"], task["state"]) for task in shown["tasks"]] == [("extract", "queued"), ("load", "pending")]
    assert [attempt["state"] for attempt in shown["tasks"][0]["attempts"]] == ["queued"]

    play.carry_out(run_id, state="failed", reason="exit", exit_code=7)
    play.claim(run_id, attempt=2)
    attempts = api.get(f"/api/v1/runs/{run_id}").json()["tasks"][0]["attempts"]
    assert [(entry["number"], entry["state"], entry["exit_code"]) for entry in attempts] == [
        (1, "failed", 7),
        (2, "running", None),
    ]
    assert attempts[1]["worker"] == WORKER


def test_an_ended_run_has_outputs_and_nothing_pending(api, play):
    run_id = started(api, play)
    play.carry_out(run_id, outputs={"rows": 3})
    play.carry_out(run_id, ordinal=1)
    shown = api.get(f"/api/v1/runs/{run_id}").json()
    assert (shown["state"], shown["task_counts"]) == ("succeeded", {"succeeded": 2})
    assert shown["tasks"][0]["outputs"] == {"rows": 3}
    assert shown["finished_at"].endswith("Z")


def test_task_pages_cover_every_task_once(api, play):
    tasks = "".join(f"  t{number}: {{run: echo}}\n" for number in range(7))
    run_id = started(api, play, wide=f"inputs: {{region: {{type: string}}}}\ntasks:\n{tasks}")
    seen, cursor = [], None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = api.get(f"/api/v1/runs/{run_id}/tasks", params=params).json()
        assert len(page["items"]) <= 3
        seen += [task["task"] for task in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [f"t{number}" for number in range(7)]


def test_pages_of_runs_are_newest_first_and_stay_when_runs_come(api, play):
    play.files(hello=HELLO)
    made = [trigger(api, play).json()["id"] for _ in range(5)]
    params = {"workflow": f"{play.namespace}/hello", "limit": 2}
    first = api.get("/api/v1/runs", params=params).json()
    trigger(api, play)
    second = api.get("/api/v1/runs", params={**params, "cursor": first["next"]}).json()
    third = api.get("/api/v1/runs", params={**params, "cursor": second["next"]}).json()
    listed = [run["id"] for page in (first, second, third) for run in page["items"]]
    assert listed == sorted(made, reverse=True)
    assert third["next"] is None


def test_runs_are_filtered_by_state_label_trigger_and_time(api, play):
    play.files(hello=HELLO, other="inputs: {region: {type: string}}\nlabels: {team: web}\ntasks:\n  a: {run: echo}\n")
    first = trigger(api, play).json()
    play.advance()
    second = trigger(api, play, "other").json()

    def found(**params: object) -> set[str]:
        items = api.get("/api/v1/runs", params=params).json()["items"]
        return {run["id"] for run in items} & {first["id"], second["id"]}

    assert found(state="running") == {first["id"]}
    assert found(state=["running", "queued"]) == {first["id"], second["id"]}
    assert found(label="team:web") == {second["id"]}
    assert found(label=["team:web", "team:data"]) == set()
    assert found(trigger="schedule") == set()
    assert found(trigger="manual", since=first["created_at"]) == {first["id"], second["id"]}
    assert found(until=second["created_at"]) == {first["id"]}
    past = (play.clock() - timedelta(days=2)).isoformat()
    assert found(until=past) == set()


def test_a_cancel_stops_a_run_and_is_refused_for_one_that_has_ended(api, play):
    run_id = started(api, play)
    answer = api.post(f"/api/v1/runs/{run_id}/cancel", json={"force": True})
    assert answer.status_code == 202
    play.advance()
    shown = api.get(f"/api/v1/runs/{run_id}").json()
    assert (shown["state"], shown["reason"]) == ("cancelled", "cancelled_by_user")
    assert api.post(f"/api/v1/runs/{run_id}/cancel").status_code == 409


def test_a_retry_takes_over_what_succeeded_and_does_the_rest(api, play):
    run_id = started(api, play)
    play.carry_out(run_id, outputs={"rows": 3})
    play.carry_out(run_id, ordinal=1, state="failed", reason="exit", exit_code=1)
    assert api.get(f"/api/v1/runs/{run_id}").json()["state"] == "failed"

    answer = api.post(f"/api/v1/runs/{run_id}/retry")
    assert answer.status_code == 201
    again = answer.json()
    assert again["retry_of"] == run_id
    play.advance()
    extract, load = api.get(f"/api/v1/runs/{again['id']}").json()["tasks"]
    assert (extract["state"], extract["reason"], extract["reused_from"]) == ("succeeded", "reused", f"{run_id}-0")
    assert (extract["outputs"], extract["attempts"]) == ({"rows": 3}, [])
    assert load["state"] == "queued"
    play.carry_out(again["id"], ordinal=1)
    assert api.get(f"/api/v1/runs/{again['id']}").json()["state"] == "succeeded"


def test_a_task_below_one_that_failed_is_not_taken_over(api, play):
    text = "inputs: {region: {type: string}}\ntasks:\n  a: {run: exit 1}\n  b: {needs: [a], if: always(), run: echo}\n"
    run_id = started(api, play, below=text)
    play.carry_out(run_id, state="failed", reason="exit")
    play.carry_out(run_id, ordinal=1)
    again = api.post(f"/api/v1/runs/{run_id}/retry").json()
    play.advance()
    states = [task["state"] for task in api.get(f"/api/v1/runs/{again['id']}").json()["tasks"]]
    assert states == ["queued", "pending"]


def test_only_an_ended_run_that_did_not_succeed_can_be_retried(api, play):
    run_id = started(api, play)
    assert api.post(f"/api/v1/runs/{run_id}/retry").status_code == 409
    play.carry_out(run_id, outputs={"rows": 3})
    play.carry_out(run_id, ordinal=1)
    assert api.post(f"/api/v1/runs/{run_id}/retry").status_code == 409


def test_a_rerun_takes_the_inputs_and_the_newest_or_the_same_revision(api, play):
    run_id = started(api, play)
    play.files(hello=HELLO + "  more: {run: echo}\n")
    newest = api.post(f"/api/v1/runs/{run_id}/rerun").json()
    same = api.post(f"/api/v1/runs/{run_id}/rerun", json={"revision": "original"}).json()
    assert (newest["revision"], same["revision"]) == (2, 1)
    assert api.get(f"/api/v1/runs/{newest['id']}").json()["inputs"]["region"] == "eu"
    assert newest["retry_of"] is None


def test_a_rerun_whose_inputs_no_longer_fit_is_refused(api, play):
    run_id = started(api, play)
    play.files(hello="inputs: {zone: {type: string}}\ntasks:\n  a: {run: echo}\n")
    assert api.post(f"/api/v1/runs/{run_id}/rerun").status_code == 422


def test_what_does_not_exist_is_not_found(api, play):
    missing = new_id()
    for path in (f"/runs/{missing}", f"/runs/{missing}/tasks", f"/runs/{missing}/logs", f"/runs/{missing}/explain"):
        answer = api.get(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:chronoverse:problem:not-found")
    for action in ("cancel", "retry", "rerun"):
        assert api.post(f"/api/v1/runs/{missing}/{action}").status_code == 404
    assert trigger(api, play, "nothing").status_code == 404
    assert api.get("/api/v1/runs", params={"workflow": f"{play.namespace}/nothing"}).status_code == 404
