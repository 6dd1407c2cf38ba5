"""Pinning, restoring and the list of what was changed by hand, over the API."""

import pytest

TASK = "tasks:\n  a: {run: echo %s}\n"


def test_a_workflow_is_pinned_listed_and_unpinned(api, play):
    play.files(flow=TASK % "one")
    play.files(flow=TASK % "two")
    path = f"/api/v1/workflows/{play.namespace}/flow"
    until = "2099-01-01T00:00:00Z"
    pinned = api.post(f"{path}/pin", json={"revision": 1, "reason": "it broke", "until": until}).json()
    assert (pinned["revision"], pinned["revision_count"]) == (1, 2)
    assert (pinned["pin"]["revision"], pinned["pin"]["reason"], pinned["pin"]["until"]) == (1, "it broke", until)
    (item,) = api.get("/api/v1/drift", params={"namespace": play.namespace}).json()["items"]
    assert (item["state"], item["workflow"]["name"], item["detail"]) == ("pinned", "flow", "held at revision 1")
    assert (item["instead"], item["reason"], item["until"]) == ("revision 2", "it broke", until)
    play.files(flow=TASK % "three")
    assert api.get(path).json()["active_revision"]["document"]["tasks"]["a"]["run"] == "echo one"
    unpinned = api.delete(f"{path}/pin").json()
    assert (unpinned["pin"], unpinned["revision"]) == (None, 3)
    assert api.get("/api/v1/drift", params={"namespace": play.namespace}).json()["items"] == []


def test_a_run_that_is_triggered_is_of_the_pinned_revision(api, play):
    play.files(flow=TASK % "one")
    play.files(flow=TASK % "two")
    path = f"/api/v1/workflows/{play.namespace}/flow"
    api.post(f"{path}/pin", json={"revision": 1})
    assert api.post(f"{path}/runs", json={}).json()["revision"] == 1


def test_a_removed_workflow_is_restored_and_let_go_of(api, play):
    play.files(flow=TASK % "one", other=TASK % "x")
    play.remove("flow")
    path = f"/api/v1/workflows/{play.namespace}/flow"
    restored = api.post(f"{path}/restore", json={"reason": "removed by mistake"}).json()
    assert (restored["archived_at"], restored["restored"]["reason"]) == (None, "removed by mistake")
    (item,) = api.get("/api/v1/drift", params={"namespace": play.namespace}).json()["items"]
    assert (item["state"], item["instead"]) == ("restored", f"archived: source {play.namespace} does not have it")
    again = api.post(f"{path}/restore")
    assert (again.status_code, again.json()["type"]) == (409, "urn:chronoverse:problem:conflict")
    assert api.delete(f"{path}/restore").json()["archived_at"] is not None
    assert api.delete(f"{path}/restore").status_code == 409


def test_a_pause_has_an_end_that_can_be_moved(api, play):
    play.files(flow=TASK % "one")
    path = f"/api/v1/workflows/{play.namespace}/flow"
    api.post(f"{path}/pause", json={"reason": "holidays", "until": "2099-01-01T00:00:00+02:00"})
    paused = api.get(path).json()["pause"]
    assert (paused["until"], paused["reason"]) == ("2098-12-31T22:00:00Z", "holidays")
    assert api.post(f"{path}/pause").json()["pause"]["until"] is None


def test_a_plan_names_what_is_pinned_and_what_is_restored(api, play):
    play.files(flow="triggers: {t: {every: 1h}}\n" + TASK % "one", gone=TASK % "x")
    play.files(flow="triggers: {t: {every: 2h}}\n" + TASK % "two")
    play.remove("gone")
    base = f"/api/v1/workflows/{play.namespace}"
    api.post(f"{base}/flow/pin", json={"revision": 1})
    api.post(f"{base}/gone/restore")
    text = f"name: flow\nnamespace: {play.namespace}\ntriggers: {{t: {{every: 3h}}}}\n" + TASK % "three"
    plan = api.post(f"/api/v1/sources/{play.namespace}/plan", json={"files": {"flow.yaml": text}}).json()
    changed, held = plan["changes"]
    assert (changed["action"], changed["pinned"], changed["restored"]) == ("changed", 1, False)
    assert changed["triggers"][0]["before"] == changed["triggers"][0]["after"]
    assert {item["path"]: item["before"] for item in changed["fields"]}["tasks.a.run"] == "echo two"
    assert (held["action"], held["workflow"], held["restored"]) == ("held", f"{play.namespace}/gone", True)


def test_suspended_sources_are_drift(api, play):
    play.files(flow=TASK % "one")
    api.post(f"/api/v1/sources/{play.namespace}/suspend", json={"reason": "moving"})
    items = api.get("/api/v1/drift").json()["items"]
    (item,) = [item for item in items if item["source"] == play.namespace]
    assert (item["state"], item["workflow"], item["reason"], item["instead"]) == ("suspended", None, "moving", "synced")


def test_the_list_is_read_page_by_page(api, play):
    play.files(**{name: TASK % name for name in "abcd"})
    for name in "abcd":
        api.post(f"/api/v1/workflows/{play.namespace}/{name}/pause")
    asked = {"namespace": play.namespace, "limit": 3}
    first = api.get("/api/v1/drift", params=asked).json()
    second = api.get("/api/v1/drift", params={**asked, "cursor": first["next"]}).json()
    assert [item["workflow"]["name"] for item in [*first["items"], *second["items"]]] == list("abcd")
    assert second["next"] is None


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"revision": 7}, 404, "has no revision 7"),
        ({"revision": 0}, 422, "revision"),
        ({}, 422, "revision"),
        ({"revision": 1, "until": "2020-01-01T00:00:00Z"}, 422, "is past"),
        ({"revision": 1, "until": "2099-01-01T00:00:00"}, 422, "until"),
        ({"revision": 1, "untill": "x"}, 422, "untill"),
    ],
)
def test_a_pin_that_cannot_be_says_why(api, play, body, status, detail):
    play.files(flow=TASK % "one")
    answer = api.post(f"/api/v1/workflows/{play.namespace}/flow/pin", json=body)
    assert answer.status_code == status
    assert detail in answer.text
    assert api.get(f"/api/v1/workflows/{play.namespace}/flow").json()["pin"] is None
    assert api.get("/api/v1/drift", params={"cursor": "x"}).status_code == 400
