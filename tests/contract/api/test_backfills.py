"""Backfills over the API: planned, made once under a key, listed, shown, switched, carried on to their end."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from engine.services.backfiller import Backfiller
from engine.store.tables import task_runs

TEXT = """\
triggers:
  hourly: {cron: "0 * * * *", inputs: {hour: "${{ trigger.scheduled_at.getHours() }}"}}
  daily: {cron: "0 0 * * *"}
defaults: {pool: POOL}
inputs: {hour: {type: integer, default: 0}, region: {type: string, enum: [eu, us], default: eu}}
tasks:
  work: {run: ./work}
"""
RANGE = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T03:00:00Z", "trigger": "hourly"}


class Filling:
    """One workflow with backfills, and the loop that carries them on."""

    def __init__(self, api, play) -> None:
        self.api, self.play = api, play
        self.path = f"/api/v1/workflows/{play.namespace}/filled/backfills"
        self._loop = Backfiller(play.database, play.broker, clock=play.clock)

    def save(self, text):
        """Save the workflow, with a pool of its own: what other tests have left queued is none of its business."""
        self.play.files(filled=text.replace("POOL", self.play.namespace))

    def post(self, path="", status=201, key=None, **body):
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.api.post(self.path + path, json={**RANGE, **body}, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def switch(self, backfill, action, status=200, key=None, **body):
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.api.post(f"/api/v1/backfills/{backfill}/{action}", json=body or None, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path="", status=200, **params):
        answer = self.api.get(f"/api/v1/backfills{path}", params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    def carry_on(self):
        while self._loop.carry_on() == 0.0:
            pass
        self.play.settle()

    def carry_out(self, backfill, **given):
        """Let a worker carry out what is on its way, and the loop go on."""
        self.carry_on()
        for time in self.get(f"/{backfill}/times")["items"]:
            if time["run_state"] == "running":
                self.play.carry_out(time["run"], **given)
        self.carry_on()


@pytest.fixture
def filling(api, play):
    play.worker(pools=(play.namespace,))
    filling = Filling(api, play)
    filling.save(TEXT)
    return filling


def test_a_backfill_is_made_carried_on_and_finished(filling):
    made = filling.post()
    assert (made["state"], made["total"], made["revision"], made["only"]) == ("running", 3, 1, "missing")
    assert made["runs"] == {}
    for _ in range(3):
        filling.carry_out(made["id"])
    shown = filling.get(f"/{made['id']}")
    assert (shown["state"], shown["made"], shown["runs"]) == ("finished", 3, {"succeeded": 3})
    times = filling.get(f"/{made['id']}/times", limit=2)
    rest = filling.get(f"/{made['id']}/times", limit=2, cursor=times["next"])
    items = times["items"] + rest["items"]
    assert [item["fire_time"][11:13] for item in items] == ["00", "01", "02"]
    assert rest["next"] is None
    assert {(item["outcome"], item["run_state"]) for item in items} == {("run", "succeeded")}
    run = filling.api.get(f"/api/v1/runs/{items[1]['run']}").json()
    assert (run["inputs"]["hour"], run["trigger"], run["backfill"]) == (
        1,
        {"kind": "cron", "name": "hourly"},
        made["id"],
    )


def test_the_answer_says_where_the_backfill_is(filling):
    answer = filling.api.post(filling.path, json=RANGE)
    assert filling.api.get(answer.headers["Location"]).json()["id"] == answer.json()["id"]


def test_a_request_under_a_key_is_carried_out_once(filling):
    made = filling.post(key="k")
    assert filling.post(key="k") == made
    filling.save(TEXT.replace("hourly: {cron", "often: {cron"))
    assert filling.post(key="k") == made, "whatever has changed since"
    refused = filling.post(key="k", status=422, only="all")
    assert refused["type"] == "urn:chronoverse:problem:idempotency-key-reused"
    assert [
        item["id"] for item in filling.get()["items"] if item["workflow"]["namespace"] == filling.play.namespace
    ] == [made["id"]]
    filling.carry_on()
    cancelled = filling.switch(made["id"], "cancel", 202, key="c", runs=True)
    assert (cancelled["state"], cancelled["runs"]) == ("cancelled", {"running": 1})
    filling.play.settle()
    assert filling.switch(made["id"], "cancel", 202, key="c", runs=True) == cancelled
    assert filling.switch(made["id"], "cancel", 409)["type"] == "urn:chronoverse:problem:conflict"


def test_a_plan_says_what_would_be_done(filling):
    made = filling.post()
    filling.carry_out(made["id"])
    plan = filling.post("/plan", 200, only="failed", reverse=True)
    assert (plan["trigger"], plan["revision"]) == ("hourly", 1)
    assert [(item["fire_time"][11:13], item["runs"], item["why"]) for item in plan["times"]] == [
        ("02", True, "missing"),
        ("01", False, "on_its_way"),
        ("00", False, "succeeded"),
    ]
    assert plan["times"][2]["run"] == filling.get(f"/{made['id']}/times")["items"][0]["run"]


def test_it_is_paused_resumed_and_listed(filling):
    made = filling.post()
    workflow = f"{filling.play.namespace}/filled"
    assert filling.switch(made["id"], "pause")["state"] == "paused"
    assert [item["id"] for item in filling.get(workflow=workflow, state="paused")["items"]] == [made["id"]]
    assert filling.get(workflow=workflow, state="running")["items"] == []
    assert filling.switch(made["id"], "resume")["state"] == "running"
    other = filling.post(trigger="daily", **{"from": "2025-01-01T00:00:00Z"})
    page = filling.get(workflow=workflow, limit=1)
    assert page["items"][0]["id"] == other["id"]
    assert filling.get(workflow=workflow, limit=1, cursor=page["next"])["items"][0]["id"] == made["id"]


def test_cancelling_leaves_what_runs(filling):
    made = filling.post(parallel=2)
    filling.carry_on()
    filling.switch(made["id"], "cancel", 202)
    filling.play.settle()
    assert filling.get(f"/{made['id']}")["runs"] == {"running": 2}


def test_cancelling_with_runs_ends_them(filling):
    made = filling.post(parallel=2)
    filling.carry_on()
    filling.switch(made["id"], "cancel", 202, runs=True)
    filling.play.settle()
    assert filling.get(f"/{made['id']}")["runs"] == {"cancelled": 2}


def test_runs_of_a_backfill_are_found_by_it(filling):
    made = filling.post(parallel=2)
    filling.carry_on()
    listed = filling.api.get("/api/v1/runs", params={"backfill": made["id"]}).json()["items"]
    assert len(listed) == 2
    assert {run["backfill"] for run in listed} == {made["id"]}


def test_the_workflow_explains_its_backfills(filling):
    made = filling.post()
    filling.carry_on()
    path = f"/api/v1/workflows/{filling.play.namespace}/filled/explain"
    [check] = [item for item in filling.api.get(path).json()["checks"] if item["check"].startswith("backfill")]
    assert check["check"] == f"backfill {made['id']}"
    assert check["ok"]
    assert "trigger hourly, 2026-01-01 00:00:00 UTC to 2026-01-01 03:00:00 UTC" in check["detail"]
    assert "1 of 3 times decided, 1 run on its way" in check["detail"]
    filling.switch(made["id"], "pause")
    [check] = [item for item in filling.api.get(path).json()["checks"] if item["check"].startswith("backfill")]
    assert check["detail"].startswith("paused")


@pytest.mark.parametrize(
    ("body", "status", "kind", "place"),
    [
        ({"from": "2026-01-02T00:00:00Z"}, 422, "invalid-range", None),
        ({"to": "2126-01-01T00:00:00Z"}, 422, "invalid-range", None),
        ({"from": "1990-01-01T00:00:00Z"}, 422, "invalid-range", None),
        ({"from": "0001-01-01T00:00:00+14:00"}, 400, "bad-parameter", "body.from"),
        ({"from": "0001-01-01T00:00:00Z", "to": "0001-01-03T00:00:00Z"}, 422, "invalid-range", None),
        ({"from": "2026-01-01"}, 422, "invalid-body", "body.from"),
        ({"from": "2026-01-01T00:00:00"}, 422, "invalid-body", "body.from"),
        ({"only": "some"}, 422, "invalid-body", "body.only"),
        ({"parallel": 0}, 422, "invalid-body", "body.parallel"),
        ({"parallel": 101}, 422, "invalid-body", "body.parallel"),
        ({"trigger": "hourlly"}, 404, "not-found", None),
        ({"trigger": None}, 409, "conflict", None),
        ({"inputs": {"region": "asia"}}, 422, "invalid-inputs", "body.inputs.region"),
        ({"inputs": {"regoin": "eu"}}, 422, "invalid-inputs", "body.inputs.regoin"),
        ({"pace": 3}, 422, "invalid-body", "body"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(filling, body, status, kind, place):
    for path in ("", "/plan"):
        problem = filling.post(path, status, **body)
        assert problem["type"] == f"urn:chronoverse:problem:{kind}"
        if place is not None:
            assert problem["errors"][0]["place"] == place


def test_a_backfill_that_is_not_there(filling):
    filling.get("/nonsense", 400)
    filling.get("/00000000-0000-7000-8000-000000000000", 404)
    for action in ("pause", "resume", "cancel"):
        filling.switch("00000000-0000-7000-8000-000000000000", action, 404)


LIMITED = """\
triggers: {hourly: {cron: "0 * * * *"}}
concurrency: {limit: 1, overlap: OVERLAP}
defaults: {pool: POOL}
tasks: {work: {run: ./work}}
"""


def limited(filling, overlap):
    """A workflow of one run at once, a backfill that has its turn, and another run of it in line."""
    filling.save(LIMITED.replace("OVERLAP", overlap))
    made = filling.post(parallel=2)
    filling.carry_on()
    return made["id"]


def states(filling, backfill):
    return [time["run_state"] for time in filling.get(f"/{backfill}/times")["items"]]


def live_run(filling):
    run_id = filling.api.post(filling.path.replace("backfills", "runs"), json={}).json()["id"]
    filling.play.settle()
    return run_id


def state(filling, run_id):
    return filling.api.get(f"/api/v1/runs/{run_id}").json()["state"]


@pytest.mark.parametrize("overlap", ["queue", "skip"])
def test_what_is_due_now_goes_before_what_waits_of_a_backfill(filling, overlap):
    backfill = limited(filling, overlap)
    assert states(filling, backfill) == ["running", "queued"]
    live = live_run(filling)
    assert state(filling, live) == "queued"
    filling.carry_out(backfill)
    assert states(filling, backfill) == ["succeeded", "queued", "queued"]
    assert state(filling, live) == "running"
    filling.play.carry_out(live)
    filling.carry_on()
    assert states(filling, backfill) == ["succeeded", "running", "queued"]


def test_cancel_running_makes_way_and_a_backfill_cancels_nobody(filling):
    backfill = limited(filling, "cancel_running")
    assert states(filling, backfill) == ["running", "queued"]
    live = live_run(filling)
    filling.carry_on()
    first = filling.get(f"/{backfill}/times")["items"][0]["run"]
    filling.play.carry_out(first, state="cancelled")
    filling.play.settle()
    filling.carry_on()
    assert (state(filling, live), states(filling, backfill)) == ("running", ["cancelled", "queued", "queued"])
    assert [item["why"] for item in filling.post("/plan", 200, only="failed")["times"]] == [
        "failed",
        "on_its_way",
        "on_its_way",
    ]


RESTS = """\
max_consecutive_failures: 2
defaults: {pool: POOL}
triggers: {hourly: {cron: "0 * * * *"}}
notify: [{on: [recovered, paused, failed], webhook: {url: "https://example.org/hook"}}]
tasks: {work: {run: ./work}}
"""


def test_failures_of_a_backfill_put_no_workflow_to_rest(filling):
    filling.save(RESTS)
    made = filling.post()
    for _ in range(3):
        filling.carry_out(made["id"], state="failed", reason="exit", exit_code=1)
    assert filling.get(f"/{made['id']}")["runs"] == {"failed": 3}
    assert filling.api.get(f"/api/v1/workflows/{filling.play.namespace}/filled").json()["pause"] is None
    live = live_run(filling)
    filling.play.carry_out(live)
    filling.play.settle()
    told = filling.api.get("/api/v1/notifications", params={"limit": 200}).json()["items"]
    assert [item["event"] for item in told if item["run"] == live] == [], (
        "a success behind failures of a backfill is no recovery"
    )


def test_none_are_made_while_tasks_of_others_wait_for_a_worker(filling):
    made = filling.post(parallel=2)
    live = live_run(filling)
    with filling.play.database.write() as connection:
        long_ago = {"queued_at": filling.play.clock() - timedelta(seconds=5)}
        connection.execute(update(task_runs).where(task_runs.c.run_id == live).values(long_ago))
    filling.carry_on()
    assert filling.get(f"/{made['id']}")["made"] == 0
    path = filling.path.replace("backfills", "explain")
    [detail] = [item["detail"] for item in filling.api.get(path).json()["checks"] if "backfill" in item["check"]]
    assert f"makes no runs while tasks of others wait for pool {filling.play.namespace}" in detail
    filling.play.claim(live)
    filling.carry_on()
    assert filling.get(f"/{made['id']}")["made"] == 2
