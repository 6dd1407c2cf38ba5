"""Many runs at once: by ids or by what matches, page after page, each with an outcome of its own."""

import pytest

from engine.clock import new_id

TEXT = "tasks:\n  work: {run: ./work}\n"


class Many:
    """Two workflows with runs, and batches of them."""

    def __init__(self, api, play) -> None:
        self.api, self.play = api, play
        self.name = f"{play.namespace}/first"

    def trigger(self, name="first"):
        answer = self.api.post(f"/api/v1/workflows/{self.play.namespace}/{name}/runs")
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def failed(self):
        run = self.trigger()
        self.play.settle()
        self.play.carry_out(run, state="failed", reason="exit", exit_code=1)
        self.play.settle()
        return run

    def post(self, action, status=200, key=None, **body):
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.api.post(f"/api/v1/runs/{action}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def state(self, run):
        return self.api.get(f"/api/v1/runs/{run}").json()["state"]

    def count(self):
        return len(self.api.get("/api/v1/runs", params={"workflow": self.name}).json()["items"])


@pytest.fixture
def many(api, play) -> Many:
    play.files(first=TEXT, second=TEXT)
    play.worker()
    return Many(api, play)


def outcomes(page):
    return {item["id"]: item["outcome"] for item in page["items"]}


def test_runs_are_cancelled_by_their_ids(many):
    going, ended, missing = many.trigger(), many.failed(), new_id()
    page = many.post("cancel", ids=[going, ended, missing, going])
    assert outcomes(page) == {going: "done", ended: "refused", missing: "unknown"}
    assert page["next"] is None
    assert page["items"][1]["message"] == "it has ended already: it failed"
    many.play.settle()
    assert many.state(going) == "cancelled"


def test_runs_that_match_are_cancelled_page_after_page_and_no_others(many):
    runs = [many.trigger() for _ in range(3)]
    other = many.trigger("second")
    where = {"workflow": many.name}
    first = many.post("cancel", where=where, limit=2)
    assert list(outcomes(first)) == runs[:0:-1]
    rest = many.post("cancel", where=where, limit=2, cursor=first["next"])
    assert list(outcomes(rest)) == runs[:1]
    assert rest["next"] is None
    many.play.settle()
    assert [many.state(run) for run in runs] == ["cancelled"] * 3
    assert many.state(other) not in {"cancelled", "cancelling"}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(many):
    going = many.trigger()
    page = many.post("cancel", where={"workflow": many.name}, dry_run=True)
    assert outcomes(page) == {going: "planned"}
    many.play.settle()
    assert many.state(going) != "cancelled"


def test_failed_runs_are_retried_once_under_a_key(many):
    failed, going = many.failed(), many.trigger()
    key = new_id()
    page = many.post("retry", key=key, where={"workflow": many.name})
    [item] = page["items"]
    assert (item["id"], item["outcome"]) == (failed, "done")
    assert many.api.get(f"/api/v1/runs/{item['made']}").json()["retry_of"] == failed
    assert many.post("retry", key=key, where={"workflow": many.name}) == page
    assert many.count() == 3
    assert outcomes(many.post("retry", ids=[going])) == {going: "refused"}


def test_labels_states_and_times_narrow(many):
    run = many.trigger()
    for where in ({"label": ["a:b"]}, {"state": ["succeeded"]}, {"since": "2999-01-01T00:00:00Z"}, {"trigger": "cron"}):
        assert many.post("cancel", where={"workflow": many.name, **where})["items"] == []
    assert outcomes(many.post("cancel", where={"workflow": many.name, "trigger": "manual"})) == {run: "done"}


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        ({}, 400, "body"),
        ({"ids": [new_id()], "where": {}}, 400, "body"),
        ({"ids": ["monday"]}, 400, "body.ids[0]"),
        ({"ids": []}, 422, "body.ids"),
        ({"where": {"workflow": "first"}}, 422, "body.where.workflow"),
        ({"where": {"label": ["a"]}}, 422, "body.where.label"),
        ({"where": {"backfill": "b"}}, 400, "body.where.backfill"),
        ({"where": {}, "cursor": "x"}, 400, "query.cursor"),
        ({"where": {"colour": "red"}}, 422, "body.where"),
        ({"where": {}, "limit": 1000}, 422, "body.limit"),
    ],
)
def test_what_is_wrong_is_named(many, body, status, place):
    problem = many.post("cancel", status, **body)
    assert problem["errors"][0]["place"].startswith(place), problem


def test_an_unknown_workflow_is_not_found(many):
    assert many.post("cancel", 404, where={"workflow": f"{many.play.namespace}/third"})["detail"]
