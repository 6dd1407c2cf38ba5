"""Plans over the API: files in, what they would do out."""

import pytest

TASKS = "tasks:\n  a: {run: echo a}\n"


def plan(api, play, files, source=None):
    return api.post(f"/api/v1/sources/{source or play.namespace}/plan", json={"files": files})


def file_of(play, name, text):
    return f"name: {name}\nnamespace: {play.namespace}\n{text}"


def test_a_plan_says_what_would_change_and_changes_nothing(api, play):
    play.files(one=f"triggers: {{tick: {{every: 1h}}}}\n{TASKS}", two=TASKS)
    old = api.get(f"/api/v1/workflows/{play.namespace}/one").json()
    answer = plan(
        api, play, {"one.yaml": file_of(play, "one", "triggers: {tick: {every: 1h}}\ntasks: {b: {run: x}}\n")}
    )
    found = answer.json()
    assert (answer.status_code, found["rejected"], found["diagnostics"]) == (200, False, [])
    one, two = found["changes"]
    assert (one["action"], one["workflow"]) == ("changed", f"{play.namespace}/one")
    assert (two["action"], two["workflow"]) == ("removed", f"{play.namespace}/two")
    added, gone = one["fields"]
    assert added == {"path": "tasks.b", "after": {"run": "x"}}
    assert gone == {"path": "tasks.a", "before": {"run": "echo a"}}
    (tick,) = one["triggers"]
    assert tick["before"] == tick["after"]
    assert len(tick["after"]) == 3
    assert api.get(f"/api/v1/workflows/{play.namespace}/one").json() == old


def test_a_faulty_file_is_told_with_its_place(api, play):
    play.files(one=TASKS)
    found = plan(api, play, {"one.yaml": file_of(play, "one", "tasks:\n  a: {run: x, neds: [b]}\n")}).json()
    assert [(item["file"], item["line"]) for item in found["diagnostics"]] == [("one.yaml", 4)]
    assert [item["action"] for item in found["changes"]] == ["held"]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"notes.txt": "x"},
        {"/etc/one.yaml": TASKS},
        {"../one.yaml": TASKS},
        {"a\\b.yaml": TASKS},
        {"a//b.yaml": TASKS},
        {"a\x1b.yaml": TASKS},
        {"x" * 1001: TASKS},
    ],
)
def test_what_no_source_can_hold_is_refused_at_its_place(api, play, files):
    play.files(one=TASKS)
    problem = plan(api, play, files).json()
    assert (problem["status"], problem["type"]) == (422, "urn:chronoverse:problem:invalid-body")
    assert problem["errors"][0]["place"].startswith("body.files")


def test_a_source_that_is_not_there_or_was_not_looked_at(api, play):
    assert plan(api, play, {"one.yaml": TASKS}, "nowhere").status_code == 404
    name = f"{play.namespace}-new"
    api.post("/api/v1/sources", json={"name": name, "folder": {"path": "/nowhere"}})
    answer = plan(api, play, {"one.yaml": TASKS}, name)
    assert (answer.status_code, "wait for its first sync" in answer.json()["detail"]) == (409, True)


def test_a_text_that_is_none_is_refused(api, play):
    play.files(one=TASKS)
    body = b'{"files": {"one.yaml": "\\ud800"}}'
    answer = api.post(
        f"/api/v1/sources/{play.namespace}/plan", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in {400, 422}, answer.text


def test_a_body_larger_than_elsewhere_is_taken(api, play):
    play.files(one=TASKS)
    files = {"one.yaml": file_of(play, "one", TASKS), **{f"{n}.yaml": "# " + "x" * 400_000 for n in range(8)}}
    assert plan(api, play, files).status_code == 200
