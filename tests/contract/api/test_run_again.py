"""Ended runs run again: what is taken over, what runs, and why; each request once under its key."""

import pytest
from sqlalchemy import update

from engine.clock import new_id
from engine.store.reads_runs import read_run_values
from engine.store.tables import run_data

TEXT = """\
inputs: {day: {type: string, default: mon}, region: {type: string}}
tasks:
  extract: {run: ./extract, outputs: {rows: integer}, env: {DAY: "${{ inputs.day }}"}}
  check: {needs: [extract], if: tasks.extract.outputs.rows > 5, run: ./check}
  load: {needs: [extract, check], if: "!failure()", run: ./load, env: {ROWS: "${{ tasks.extract.outputs.rows }}"}}
  other: {run: ./other}
  report: {needs: [load, other], run: ./report, env: {REGION: "${{ inputs.region }}"}}
finally:
  clean: {run: ./clean}
"""
ORDINALS = {"extract": 0, "check": 1, "load": 2, "other": 3, "report": 4, "clean": 5}


class Again:
    """One workflow, one run of it, and what comes of running that again."""

    def __init__(self, api, play) -> None:
        self.api, self.play = api, play

    def trigger(self, **inputs):
        answer = self.api.post(
            f"/api/v1/workflows/{self.play.namespace}/again/runs", json={"inputs": {"region": "eu", **inputs}}
        )
        assert answer.status_code == 201, answer.text
        self.play.settle()
        return answer.json()["id"]

    def carry_out(self, run_id, *names, **given):
        for name in names:
            outputs = {"outputs": {"rows": 3}} if name == "extract" and not given else {}
            self.play.carry_out(run_id, ORDINALS[name], **{**outputs, **given})
        self.play.settle()

    def ended(self, **inputs):
        """A run in which `report` failed, and `check` was skipped."""
        run_id = self.trigger(**inputs)
        self.carry_out(run_id, "extract", "other", "load")
        self.carry_out(run_id, "report", state="failed", reason="exit", exit_code=1)
        self.carry_out(run_id, "clean", state="succeeded")
        assert self.show(run_id)["state"] == "failed"
        return run_id

    def post(self, run_id, action, status=201, key=None, **body):
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.api.post(f"/api/v1/runs/{run_id}/{action}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def show(self, run_id):
        return self.api.get(f"/api/v1/runs/{run_id}").json()

    def taken_over(self, run_id):
        self.play.settle()
        return {task["task"] for task in self.show(run_id)["tasks"] if task["reused_from"]}

    def revise(self, old, new):
        assert old in TEXT
        self.play.files(again=TEXT.replace(old, new))


@pytest.fixture
def again(api, play):
    play.worker()
    play.files(again=TEXT)
    return Again(api, play)


def whys(answer):
    return {task["task"]: task["why"] for task in answer["tasks"]}


REUSED = dict.fromkeys(("extract", "check", "load", "other"), "reused")


def test_a_retry_takes_over_what_succeeded_and_what_was_skipped_by_its_condition(again):
    run_id = again.ended()
    made = again.post(run_id, "retry")
    assert again.taken_over(made["id"]) == {"extract", "check", "load", "other"}
    again.carry_out(made["id"], "report", "clean")
    assert again.show(made["id"])["state"] == "succeeded"


def test_a_retry_from_a_task_runs_it_and_all_below_it(again):
    run_id = again.ended()
    made = again.post(run_id, "retry", **{"from": "load"})
    assert (made["retry_of"], made["revision"]) == (run_id, 1)
    assert again.taken_over(made["id"]) == {"extract", "check", "other"}
    again.carry_out(made["id"], "load", "report", "clean")
    assert again.show(made["id"])["state"] == "succeeded"
    assert again.taken_over(again.post(made["id"], "retry", **{"from": "extract"})["id"]) == {"other"}


def test_what_was_taken_over_is_told_by_the_task_run_that_really_ran(again):
    run_id = again.ended()
    once_more = again.post(again.post(run_id, "retry")["id"], "cancel", 202)["id"]
    again.play.settle()
    third = again.post(once_more, "retry")["id"]
    again.play.settle()
    assert {task["reused_from"] for task in again.show(third)["tasks"] if task["task"] == "extract"} == {f"{run_id}-0"}


@pytest.mark.parametrize(
    ("start", "status", "hint"),
    [("lod", 404, "did you mean 'load'?"), ("clean", 409, "name a main task"), ("nothing_like_it", 404, "its tasks")],
)
def test_a_task_to_run_from_must_be_a_main_task_of_the_revision(again, start, status, hint):
    assert hint in again.post(again.ended(), "retry", status, **{"from": start})["detail"]


def test_a_rerun_is_of_the_latest_revision_the_original_or_any_by_number(again):
    run_id = again.ended()
    for script in ("./report2", "./report3"):
        again.revise("./report", script)
    wanted = {"latest": 3, "original": 1, 2: 2}
    assert {asked: again.post(run_id, "rerun", revision=asked)["revision"] for asked in wanted} == wanted
    assert "it has 1 to 3" in again.post(run_id, "rerun", 404, revision=4)["detail"]
    for wrong in (0, "newest"):
        again.post(run_id, "rerun", 422, revision=wrong)
    assert "its fields are: revision, from, inputs" in str(again.post(run_id, "rerun", 422, task="load"))


def test_a_rerun_takes_the_inputs_but_for_those_given(again):
    made = again.post(again.ended(day="tue"), "rerun", inputs={"region": "us"})
    assert again.show(made["id"])["inputs"] == {"day": "tue", "region": "us"}
    assert again.taken_over(made["id"]) == set()


def test_a_rerun_from_a_task_takes_over_the_rest_but_keeps_the_inputs(again):
    run_id = again.ended()
    again.revise("./load", "./load2")
    made = again.post(run_id, "rerun", **{"from": "load"})
    assert made["revision"] == 2
    assert again.taken_over(made["id"]) == {"extract", "check", "other"}
    refused = again.post(run_id, "rerun", 409, inputs={"day": "tue"}, **{"from": "load"})
    assert "resume the run" in refused["detail"]


def test_a_run_that_goes_on_can_be_rerun_whole_and_nothing_else(again):
    run_id = again.trigger()
    again.post(run_id, "rerun")
    for action, body in (("retry", {}), ("rerun", {"from": "load"}), ("resume", {})):
        assert "has not ended" in again.post(run_id, action, 409, **body)["detail"]


def test_what_the_trigger_said_is_kept_but_for_its_kind_and_time(again, play):
    run_id = again.ended()
    said = {"kind": "schedule", "scheduled_at": "2026-05-01T02:00:00+00:00", "fired_at": "2026-05-01T02:00:00+00:00"}
    with play.database.write() as connection:
        connection.execute(update(run_data).where(run_data.c.run_id == run_id).values(trigger=said))
    for action in ("retry", "rerun", "resume"):
        answer = again.post(run_id, action)
        made = answer.get("run") or answer
        assert made["trigger"]["kind"] == "manual"
        with play.database.read() as connection:
            kept = read_run_values(connection, made["id"]).trigger
        assert kept["scheduled_at"] == said["scheduled_at"]
        assert kept["fired_at"] > said["fired_at"]


def test_a_resume_of_the_same_revision_is_a_retry_that_says_why(again):
    answer = again.post(again.ended(), "resume")
    assert whys(answer) == {**REUSED, "report": "not_succeeded"}
    assert again.taken_over(answer["run"]["id"]) == set(REUSED)
    again.carry_out(answer["run"]["id"], "report", "clean")
    assert again.show(answer["run"]["id"])["state"] == "succeeded"


@pytest.mark.parametrize(
    ("old", "new", "expected", "message"),
    [
        ("tasks:", "description: New.\ntasks:", {}, ""),
        ("./load", "./load2", {"load": "definition_changed"}, "its definition has changed: spec"),
        (
            "./extract",
            "./extract2",
            {"extract": "definition_changed", "check": "upstream_runs", "load": "upstream_runs"},
            "it needs extract, check, which runs",
        ),
        ("other:", "more: {run: ./more}\n  other:", {"more": "new"}, ""),
        ("finally:", "on_failure:\n  tell: {run: ./tell}\nfinally:", {}, ""),
    ],
)
def test_a_resume_on_a_newer_revision_runs_what_changed_and_what_is_below_it(again, old, new, expected, message):
    run_id = again.ended()
    again.revise(old, new)
    answer = again.post(run_id, "resume")
    assert answer["revision"] == answer["run"]["revision"] == 2
    assert whys(answer) == {**REUSED, "report": "not_succeeded", **expected}
    assert message in {task["task"]: task["message"] for task in answer["tasks"]}["load"]
    same = again.post(run_id, "resume", revision=1)
    assert whys(same) == {**REUSED, "report": "not_succeeded"}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"region": "us"}, {}),
        ({"day": "tue"}, {"extract": "inputs_changed", "check": "upstream_runs", "load": "upstream_runs"}),
        ({"day": "mon"}, {}),
    ],
)
def test_a_resume_with_other_inputs_runs_what_uses_them(again, inputs, expected):
    answer = again.post(again.ended(), "resume", inputs=inputs)
    assert whys(answer) == {**REUSED, "report": "not_succeeded", **expected}
    if expected:
        assert "what it uses has changed: inputs.day" in {task["message"] for task in answer["tasks"]}


def test_a_resume_of_a_resume_goes_on_from_what_that_took_over(again):
    first = again.post(again.ended(), "resume")["run"]["id"]
    again.play.settle()
    again.carry_out(first, "report", state="failed", reason="exit")
    again.carry_out(first, "clean", state="succeeded")
    assert whys(again.post(first, "resume")) == {**REUSED, "report": "not_succeeded"}


def test_a_dry_run_says_what_would_become_of_each_task_and_makes_nothing(again, play):
    run_id = again.ended()
    before = len(again.api.get("/api/v1/runs", params={"workflow": f"{play.namespace}/again"}).json()["items"])
    answer = again.post(run_id, "resume", 200, dry_run=True)
    assert answer["run"] is None
    assert whys(answer) == {**REUSED, "report": "not_succeeded"}
    after = len(again.api.get("/api/v1/runs", params={"workflow": f"{play.namespace}/again"}).json()["items"])
    assert after == before


def test_where_nothing_would_run_there_is_nothing_to_resume(again):
    run_id = again.trigger()
    again.carry_out(run_id, "extract", "other", "load", "report", "clean")
    assert again.show(run_id)["state"] == "succeeded"
    assert "nothing of run" in again.post(run_id, "resume", 409)["detail"]
    assert all(task["reused"] for task in again.post(run_id, "resume", 200, dry_run=True)["tasks"])
    again.revise("./report", "./report2")
    assert whys(again.post(run_id, "resume")) == {**REUSED, "report": "definition_changed"}


@pytest.mark.parametrize("action", ["retry", "rerun", "resume"])
def test_under_one_key_one_run_is_made(again, action):
    run_id = again.ended()
    first = again.post(run_id, action, key="k")
    assert again.post(run_id, action, key="k") == first
    assert again.post(run_id, action, key="other") != first
    changed = {"inputs": {"day": "tue"}} if action != "retry" else {"from": "load"}
    assert "was used for another request" in again.post(run_id, action, 422, key="k", **changed)["detail"]
    assert again.post(again.ended(), action, key="k") != first


def test_under_one_key_a_cancel_is_answered_alike_even_when_the_run_has_ended(again):
    run_id = again.trigger()
    first = again.post(run_id, "cancel", 202, key="k")
    again.play.settle()
    assert again.post(run_id, "cancel", 202, key="k") == first
    again.post(run_id, "cancel", 422, key="k", force=True)


def test_a_run_that_is_not_there_cannot_be_resumed(again):
    again.post(new_id(), "resume", 404)
