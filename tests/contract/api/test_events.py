"""The feed as server-sent events: what was missed, what happens, filters, and the end."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from api.dependencies import Dependencies, Services
from api.event_stream import EventStream
from engine.events import EventKind, Happening, Wanted
from engine.services import feed_tail
from engine.services.feed_tail import FeedTail
from engine.store import feed
from engine.store.feed import newest_event
from tests.contract.api.test_logs import TWO, events

PATIENCE_SECONDS = 30


@pytest.fixture
def run(api, play):
    play.files(two=TWO)
    play.worker()
    run_id = api.post(f"/api/v1/workflows/{play.namespace}/two/runs").json()["id"]
    play.advance()
    api.post(f"/api/v1/runs/{run_id}/cancel")
    play.advance()
    return run_id


def past(api, play, headers=None, **params):
    given = {"follow": "false", "since": "2000-01-01T00:00:00Z", "namespace": play.namespace, **params}
    return events(api.get("/api/v1/events", params=given, headers=headers or {}))


def test_what_happened_is_given_and_ends(api, play, run):
    found = past(api, play)
    kinds = [kind for kind, _, _ in found]
    assert kinds == ["run.created", "run.started", "task.finished", "task.finished", "run.finished", "end"]
    assert {(event["workflow"], event["run"]) for _, _, event in found[:-1]} == {("two", run)}
    assert [str(event["id"]) for _, _, event in found[:-1]] == [id_ for _, id_, _ in found[:-1]]
    assert found[-2][2]["data"]["state"] == "cancelled"
    assert found[-2][2]["source"] is None


def test_who_comes_back_goes_on_after_the_last_event(api, play, run):
    found = past(api, play)
    assert past(api, play, {"Last-Event-ID": found[2][1]})[:-1] == found[3:-1]


def test_events_are_filtered(api, play, run):
    def kinds(**params):
        return [kind for kind, _, _ in past(api, play, **params)][:-1]

    assert kinds(kind="task.*", workflow=f"{play.namespace}/two") == ["task.finished"] * 2
    assert kinds(kind=["run.created", "run.finished"]) == ["run.created", "run.finished"]
    assert kinds(workflow=f"{play.namespace}/three") == []
    assert kinds(source="nothing") == []
    assert kinds(since="2100-01-01T00:00:00Z") == []


def test_without_a_place_it_begins_now(api, play, run):
    assert [kind for kind, _, _ in events(api.get("/api/v1/events", params={"follow": "false"}))] == ["end"]


def test_events_that_are_gone_are_told_of(api, play, run):
    with play.database.write() as connection:
        feed.forget_events(connection, play.clock() + timedelta(days=9_999))
    found = past(api, play, {"Last-Event-ID": "1"})
    assert found[0][0] == "gap"
    assert found[0][2]["after"] == 1 < found[0][2]["resumed_after"]
    assert [kind for kind, _, _ in found[1:]] == ["end"]


@pytest.mark.parametrize(
    ("params", "headers", "place"),
    [
        ({"kind": "run.exploded"}, {}, "query.kind"),
        ({"kind": "run"}, {}, "query.kind"),
        ({"workflow": "two"}, {}, "query.workflow"),
        ({"since": "yesterday"}, {}, "query.since"),
        ({}, {"Last-Event-ID": "x1"}, "header.Last-Event-ID"),
        ({}, {"Last-Event-ID": "1" * 19}, "header.Last-Event-ID"),
    ],
)
def test_what_is_wrong_is_named(api, params, headers, place):
    answer = api.get("/api/v1/events", params=params, headers=headers)
    assert answer.status_code == 400
    assert [fault["place"] for fault in answer.json()["errors"]] == [place]


def test_streams_are_bounded(api, monkeypatch):
    monkeypatch.setattr(feed_tail, "FOLLOWERS_MAX", 0)
    answer = api.get("/api/v1/events")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["type"] == "urn:chronoverse:problem:too-many-streams"


@pytest.fixture
def services(play) -> Iterator[Services]:
    given = Dependencies(database=play.database, broker=play.broker, clock=play.clock)
    yield Services.of(given)
    given.closing.set()
    joined()


def joined() -> None:
    """Wait for the readers' threads: what a test leaves behind must not use its database."""
    for thread in threading.enumerate():
        if thread.name == "feed-tail":
            thread.join(PATIENCE_SECONDS)


def enter(play, *numbers: int) -> None:
    happenings = [
        Happening(EventKind.RUN_STARTED, play.clock(), namespace=play.namespace, data={"n": n}) for n in numbers
    ]
    with play.database.write() as connection:
        feed.enter(connection, happenings)


def followed(services: Services, wanted: Wanted, number: int, begun: Callable[[], None], tail: FeedTail) -> list[str]:
    """Follow from now on, call `begun` then, and return the first events."""

    async def follow() -> list[str]:
        stream = EventStream(services, tail, wanted)
        found: list[str] = []
        original = stream._begin

        def begin():
            gap = original()
            begun()
            return gap

        stream._begin = begin  # type: ignore[method-assign]
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for message in stream.events():
                if message.event is not None:
                    found.append(str(message.id))
                if len(found) == number:
                    return found
        return found

    return asyncio.run(follow())


def numbers(play, ids: list[str]) -> list[int]:
    with play.database.read() as connection:
        rows = feed.events_after(connection, 0, 100_000, Wanted(namespaces=(play.namespace,)))
    return [row.data["n"] for row in rows if str(row.id) in ids]


def test_what_happens_is_given_to_whoever_follows(play, services):
    tail = FeedTail(play.database, services.given.closing, poll_seconds=0.01)
    enter(play, 0)
    ids = followed(services, Wanted(namespaces=(play.namespace,)), 3, lambda: enter(play, 1, 2, 3), tail)
    assert numbers(play, ids) == [1, 2, 3]
    assert not tail._followers


def test_who_cannot_keep_up_misses_nothing(play, services, monkeypatch):
    monkeypatch.setattr("api.event_stream.WAITING_MAX", 2)
    tail = FeedTail(play.database, services.given.closing, poll_seconds=0.01)
    wanted = Wanted(namespaces=(play.namespace,))
    ids = followed(services, wanted, 50, lambda: enter(play, *range(50)), tail)
    assert numbers(play, ids) == list(range(50))


def test_streams_end_with_the_server(play, services):
    tail = FeedTail(play.database, services.given.closing, poll_seconds=0.01)
    assert followed(services, Wanted(), 1, services.given.closing.set, tail) == []


def test_all_streams_are_fed_by_one_reader_that_ends_with_the_last(play):
    closing, heard = threading.Event(), [threading.Event(), threading.Event()]
    tail = FeedTail(play.database, closing, poll_seconds=0.01)
    followers = [lambda rows, event=event: rows and event.set() for event in heard]
    for follower in followers:
        tail.follow(follower)
    thread = tail._thread
    enter(play, 1)
    assert all(event.wait(PATIENCE_SECONDS) for event in heard)
    for follower in followers:
        tail.leave(follower)
    assert thread is not None
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    with play.database.read() as connection:
        newest = newest_event(connection)
    assert tail.follow(followers[0]) == newest
    closing.set()
    joined()
