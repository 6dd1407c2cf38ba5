"""Revisions compared."""

TASK = "tasks:\n  a: {run: echo %s}\n"


def test_two_revisions_are_compared_field_by_field(api, play):
    play.files(flow="labels: {team: data}\n" + TASK % "one")
    play.files(flow="description: new\n" + TASK % "two")
    base = f"/api/v1/workflows/{play.namespace}/flow/revisions"
    found = api.get(f"{base}/1/diff/2").json()
    assert (found["before"]["number"], found["after"]["number"], found["checkout_differs"]) == (1, 2, False)
    assert {item["path"]: (item.get("before"), item.get("after")) for item in found["fields"]} == {
        "description": (None, "new"),
        "labels": ({"team": "data"}, None),
        "tasks.a.run": ("echo one", "echo two"),
    }
    assert api.get(f"{base}/2/diff/2").json()["fields"] == []
    back = {item["path"]: item.get("after") for item in api.get(f"{base}/2/diff/1").json()["fields"]}
    assert back["tasks.a.run"] == "echo one"


def test_a_revision_that_is_not_there_is_named(api, play):
    play.files(flow=TASK % "one")
    problem = api.get(f"/api/v1/workflows/{play.namespace}/flow/revisions/1/diff/9").json()
    assert (problem["status"], problem["detail"]) == (404, f"there is no revision 9 of {play.namespace}/flow")
