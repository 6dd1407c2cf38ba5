"""Analytics over the API: what ended, by hour and day, of a workflow and of a namespace."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.analytics import Figures, Width
from engine.store.reads_workflows import read_workflow
from engine.store.rollups import EVERYTHING, Bucket, Counted, add_counted, bucket_id, scope_of_namespace
from engine.store.tables_rollups import rollups

DAY = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = {"since": "2026-03-01T10:30:00Z", "until": "2026-03-02T00:00:00Z"}


def of(states: dict[str, int], seconds: float = 1.0, **counts: int) -> Figures:
    figures = Figures(**counts)
    for state, number in states.items():
        for _ in range(number):
            figures.count_run(state, DAY, DAY, DAY + timedelta(seconds=seconds))
    return figures


@pytest.fixture
def counted(play):
    """A workflow that did things at ten and at noon of one day, and on the next."""
    play.files(one="tasks: {a: {set: {x: 1}}}\n")
    play.settle()
    with play.database.read() as connection:
        row = read_workflow(connection, play.namespace, "one")
    assert row is not None
    ten, noon = of({"succeeded": 3, "failed": 1}, 10.0), of({"succeeded": 1, "cancelled": 1}, checks=4, checks_up=3)
    whole = of({"succeeded": 3, "failed": 1}, 10.0)
    whole.merge(noon)
    figures = {
        Bucket(row.id, Width.HOUR, DAY.replace(hour=10)): ten,
        Bucket(row.id, Width.HOUR, DAY.replace(hour=12)): noon,
        Bucket(row.id, Width.DAY, DAY): whole,
        Bucket(row.id, Width.DAY, DAY + timedelta(days=1)): of({"failed": 1}),
        Bucket(scope_of_namespace(play.namespace), Width.DAY, DAY): whole,
    }
    with play.database.write() as connection:
        add_counted(connection, Counted(figures=figures))
    return play


def ask(api, status=200, **params):
    answer = api.get("/api/v1/analytics", params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_workflow_by_hour(api, counted):
    found = ask(api, workflow=f"{counted.namespace}/one", by="hour", **SPAN)
    assert (found["since"], found["until"]) == ("2026-03-01T10:00:00Z", "2026-03-02T00:00:00Z")
    assert [item["starts_at"] for item in found["items"]] == ["2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z"]
    ten, noon = (item["figures"] for item in found["items"])
    assert (ten["runs"], ten["success_rate"]) == ({"failed": 1, "succeeded": 3}, 0.75)
    assert (ten["duration"]["count"], ten["duration"]["mean"], ten["duration"]["max"]) == (4, 10.0, 10.0)
    assert ten["duration"]["p99"] == pytest.approx(10.0, rel=found["accuracy"])
    assert (ten["checks"], ten["lateness"], noon["checks"]) == (None, None, {"count": 4, "up": 3, "uptime": 0.75})
    assert found["total"]["runs"] == {"cancelled": 1, "failed": 1, "succeeded": 4}


def test_a_namespace_by_day(api, counted):
    found = ask(api, namespace=counted.namespace, **SPAN)
    assert [item["starts_at"] for item in found["items"]] == ["2026-03-01T00:00:00Z"]
    assert found["total"] == found["items"][0]["figures"]
    assert found["total"]["duration"]["p50"] == pytest.approx(10.0, rel=found["accuracy"])


def test_of_everything_by_day(api, counted):
    moment = datetime(2031, 5, 6, tzinfo=UTC)
    bucket = Bucket(EVERYTHING, Width.DAY, moment)
    with counted.database.write() as connection:
        connection.execute(rollups.delete().where(rollups.c.id == bucket_id(bucket)))
        add_counted(connection, Counted(figures={bucket: of({"succeeded": 2})}))
    found = ask(api, since="2031-05-06T00:00:00Z", until="2031-05-07T00:00:00Z")
    assert (found["workflow"], found["namespace"], found["total"]["runs"]) == (None, None, {"succeeded": 2})


def test_without_a_span_it_is_the_last_days_or_hours(api, counted):
    name = f"{counted.namespace}/one"
    days, hours = ask(api, workflow=name), ask(api, workflow=name, by="hour")
    assert datetime.fromisoformat(days["until"]) - datetime.fromisoformat(days["since"]) == timedelta(days=30)
    assert datetime.fromisoformat(hours["until"]) - datetime.fromisoformat(hours["since"]) == timedelta(hours=24)
    nothing = ask(api, namespace="nobody.is-here")
    assert (nothing["items"], nothing["total"]["runs"], nothing["total"]["success_rate"]) == ([], {}, None)


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"workflow": "a/b", "namespace": "a"}, "query.namespace"),
        ({"namespace": "a", "since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, "query.since"),
        ({"namespace": "a", "by": "hour", "since": "2020-01-01T00:00:00Z"}, "query.since"),
        ({"namespace": "a", "since": "0001-01-01T00:00:00Z"}, "query.since"),
        ({"namespace": "a", "since": "yesterday"}, "query.since"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(api, params, place):
    assert place in str(ask(api, 400, **params)["errors"])


def test_an_unknown_workflow_is_not_found(api):
    assert "nobody/nothing" in ask(api, 404, workflow="nobody/nothing")["detail"]
    assert ask(api, namespace="a", until="0001-01-01T00:00:00Z")["items"] == []
    assert ask(api, namespace="a", until="9999-12-31T23:00:00Z")["items"] == []
