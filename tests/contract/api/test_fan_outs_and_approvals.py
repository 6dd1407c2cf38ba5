"""Runs with fan-outs, hooks, child runs and approvals, over REST."""

FAN = """
tasks:
  a: {run: echo}
  load: {needs: [a], matrix: {shard: [0, 1, 2]}, max_parallel: 2, run: echo}
  z: {needs: [load], run: echo}
finally:
  tidy: {run: echo}
"""

ASK = """
tasks:
  ask: {approval: {message: Really?, timeout: 1h}}
  each: {approval: {message: "${{ matrix.region }}?"}, matrix: {region: [eu, us]}}
  go: {needs: [ask], run: echo}
"""


def started(api, play, text):
    play.files(w=text)
    play.worker()
    run_id = api.post(f"/api/v1/workflows/{play.namespace}/w/runs", json={}).json()["id"]
    play.settle()
    return run_id


def pages(api, run_id, limit):
    cursor, seen = None, []
    while True:
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = api.get(f"/api/v1/runs/{run_id}/tasks", params=params).json()
        assert "items" in page, page
        assert len(page["items"]) <= limit
        seen += [(task["task"], task["key"], task["state"]) for task in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return seen


def test_items_follow_their_fan_out_on_every_size_of_page(api, play):
    run_id = started(api, play, FAN)
    play.carry_out(run_id)
    wanted = [
        ("a", "", "succeeded"),
        ("load", "", "running"),
        ("load", "shard=0", "queued"),
        ("load", "shard=1", "queued"),
        ("z", "", "pending"),
    ]
    for limit in (1, 2, 3, 4, 5, 200):
        assert pages(api, run_id, limit) == wanted
    counts = api.get(f"/api/v1/runs/{run_id}").json()["task_counts"]
    assert counts == {"succeeded": 1, "running": 1, "queued": 2, "pending": 1}


def test_a_run_shows_its_phase_and_outcome(api, play):
    run_id = started(api, play, FAN)
    play.carry_out(run_id, state="failed", reason="exit", exit_code=1)
    play.settle()
    shown = api.get(f"/api/v1/runs/{run_id}").json()
    assert (shown["state"], shown["phase"], shown["outcome"]) == ("running", "finally", "failed")
    assert [task["task"] for task in shown["tasks"]] == ["a", "load", "z", "tidy"]
    play.carry_out(run_id, ordinal=3)
    shown = api.get(f"/api/v1/runs/{run_id}").json()
    assert (shown["state"], shown["reason"]) == ("failed", "task_failed")


def test_a_cursor_that_is_none_is_refused(api, play):
    run_id = started(api, play, FAN)
    answer = api.get(f"/api/v1/runs/{run_id}/tasks", params={"cursor": "seven"})
    assert (answer.status_code, answer.json()["errors"][0]["place"]) == (400, "query.cursor")


def test_what_waits_for_a_person_is_listed_and_answered(api, play):
    run_id = started(api, play, ASK)
    mine = [item for item in api.get("/api/v1/approvals").json()["items"] if item["run"] == run_id]
    assert [(item["task"], item["key"], item["message"]) for item in mine] == [
        ("ask", "", "Really?"),
        ("each", "region=eu", "eu?"),
        ("each", "region=us", "us?"),
    ]
    answer = api.post(f"/api/v1/runs/{run_id}/approvals/ask", json={"approved": True, "comment": "fine"})
    assert answer.status_code == 202
    assert api.post(f"/api/v1/runs/{run_id}/approvals/ask", json={"approved": False}).status_code == 202
    play.settle()
    task = api.get(f"/api/v1/runs/{run_id}").json()["tasks"][0]
    assert (task["state"], task["outputs"]) == ("succeeded", {"approved": True, "by": "anybody", "comment": "fine"})
    late = api.post(f"/api/v1/runs/{run_id}/approvals/ask", json={"approved": True})
    assert late.status_code == 409
    assert "does not wait for an answer: it is succeeded" in late.json()["detail"]


def test_an_item_is_answered_by_its_key(api, play):
    run_id = started(api, play, ASK)
    path = f"/api/v1/runs/{run_id}/approvals/each"
    answer = api.post(path, params={"key": "region=us"}, json={"approved": False, "comment": "no"})
    assert answer.status_code == 202
    play.settle()
    shown = {task["key"]: task for task in api.get(f"/api/v1/runs/{run_id}").json()["tasks"] if task["key"]}
    assert (shown["region=us"]["state"], shown["region=us"]["reason"]) == ("failed", "rejected")
    assert shown["region=us"]["message"] == "rejected by anybody: no"
    assert shown["region=eu"]["state"] == "cancelled"  # fail_fast


def test_what_is_no_approval_cannot_be_answered(api, play):
    run_id = started(api, play, ASK)
    for task, status in (("go", 404), ("nothing", 404)):
        assert api.post(f"/api/v1/runs/{run_id}/approvals/{task}", json={"approved": True}).status_code == status


def test_a_child_run_is_named_by_its_task_and_names_its_parent(api, play):
    leaf, parent = (
        "tasks: {a: {set: {n: 1}}}\n",
        "tasks:\n  c: {workflow: {name: kid}}\n  d: {workflow: {name: nobody}}\n",
    )
    play.files(kid=leaf, nobody=leaf, w=parent)
    play.remove("nobody")  # the parent's file is faulty now, and its last good revision goes on
    run_id = started(api, play, parent)
    play.settle()
    shown = api.get(f"/api/v1/runs/{run_id}").json()
    c, d = shown["tasks"]
    child = api.get(f"/api/v1/runs/{c['child_run']}").json()
    assert (child["state"], child["parent_task_run"], child["trigger"]["kind"]) == ("succeeded", c["id"], "parent")
    assert (d["state"], d["reason"]) == ("failed", "child_failed")
    assert f"workflow {play.namespace}/nobody was removed" in d["message"]
