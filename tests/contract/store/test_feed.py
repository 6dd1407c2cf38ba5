"""The feed: entered with what it tells of, in an order that no late commit changes, and forgotten."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from dsl.model import FanOut, Task
from engine.commit_outcomes import CommitOutcome
from engine.events import EventKind, Happening, Wanted
from engine.machine.advance import advance
from engine.machine.events import Cancel, Start
from engine.store import commits, feed, revisions, sessions, sources
from engine.store.commits import Decision
from engine.store.database import Database
from engine.store.feed import FeedRow, event_before, events_after, forget_events, newest_event, oldest_event
from engine.store.feed_order import last_before
from engine.store.overrides import Account, pin, restore, unpin
from engine.store.sources import Condition, SourceState
from engine.store.tables_feed import feed as table
from tests.contract.store.conftest import NOW
from tests.contract.store.play import Play, claim, end
from tests.contract.store.test_sessions import beat

TTL = timedelta(seconds=7)


def happening(kind: EventKind = EventKind.WORKER_JOINED, **fields: Any) -> Happening:
    return Happening(kind, fields.pop("at", NOW), **fields)


def enter(database: Database, *happenings: Happening) -> None:
    with database.write() as connection:
        feed.enter(connection, happenings or [happening()])


def enter_in_vain(database: Database, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Enter an event in a transaction that is rolled back."""

    def fail() -> None:
        with database.write() as connection:
            feed.enter(connection, [happening()])
            meanwhile()
            raise LookupError

    with pytest.raises(LookupError):
        fail()


def events(database: Database, after: int = 0, limit: int = 1_000, **wanted: Any) -> list[FeedRow]:
    with database.read() as connection:
        return events_after(connection, after, limit, Wanted(**wanted))


def told(database: Database) -> list[tuple[str, Any]]:
    return [(row.kind, row.data) for row in events(database)]


def kinds(database: Database) -> list[str]:
    return [row.kind for row in events(database)]


def test_a_run_is_told_of_when_it_is_created_starts_and_ends_and_each_of_its_tasks_at_its_end(
    database: Database,
) -> None:
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Start())
    play.apply(run_id, claim(run_id))
    play.apply(run_id, end(run_id, failed=True))
    play.apply(run_id, claim(run_id, 2))
    play.apply(run_id, end(run_id, 2), now=NOW + timedelta(seconds=30))
    rows = events(database)
    assert [row.kind for row in rows] == ["run.created", "run.started", "task.finished", "run.finished"]
    assert {(row.namespace, row.workflow, row.run_id) for row in rows} == {("default", play.workflow.name, run_id)}
    created, _, task, finished = (row.data for row in rows)
    assert created == {"trigger": "manual"}
    assert task == {"task": "a", "state": "succeeded", "reason": None, "message": ""}
    assert (finished["state"], finished["seconds"], finished["revision"]) == ("succeeded", 30.0, 1)
    assert [row.at for row in rows] == [NOW, NOW, NOW + timedelta(seconds=30), NOW + timedelta(seconds=30)]


def test_a_fan_out_is_told_of_as_one_task(database: Database) -> None:
    items = FanOut(combinations=tuple({"n": n} for n in range(50)))
    play = Play(database, Task(id="each", kind="set", spec={"values": {}}, fan_out=items))
    [run_id] = play.create()
    play.apply(run_id, Start())
    assert kinds(database) == ["run.created", "run.started", "task.finished", "run.finished"]


def test_a_run_that_never_starts_is_told_of_as_created_and_ended(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Cancel(by="me"))
    assert kinds(database) == ["run.created", "run.finished"]


def test_nothing_is_told_of_changes_that_lose_against_others(database: Database) -> None:
    play = Play(database)
    [run_id] = play.create()
    first, second = play.load(run_id), play.load(run_id)
    play.commit(advance(first, [Start()], NOW))
    assert play.commit(advance(second, [Start()], NOW)).losers == {run_id}
    assert kinds(database) == ["run.created", "run.started"]


def test_nothing_is_told_of_what_is_rolled_back(database: Database) -> None:
    enter_in_vain(database)
    assert events(database) == []


def test_a_workers_sessions_are_told_of(database: Database) -> None:
    with database.write() as connection:
        sessions.renew(connection, [beat("s1", "w1"), beat("s1", "w1"), beat("s2", "w2")], NOW, TTL)
        sessions.renew(connection, [beat("s1", "w1")], NOW, TTL)
        sessions.leave(connection, "s2", NOW)
        sessions.leave(connection, "s2", NOW)
        sessions.expire(connection, NOW + TTL)
        sessions.expire(connection, NOW + TTL)
    found = [(row.kind, row.data["worker"], row.data["session"]) for row in events(database)]
    assert found == [
        ("worker.joined", "w1", "s1"),
        ("worker.joined", "w2", "s2"),
        ("worker.left", "w2", "s2"),
        ("worker.lost", "w1", "s1"),
    ]


def condition(reason: str, *, status: bool = True, version: str | None = "v1") -> Condition:
    return Condition(status=status, reason=reason, message="why", version=version, at=NOW)


def test_a_source_is_told_of_where_it_changes(database: Database) -> None:
    live = SourceState(
        conditions={"fetched": condition("fetched"), "applied": condition("applied")},
        seen_version="v1",
        applied_version="v1",
    )
    faulty = SourceState(
        conditions={"fetched": condition("fetched", version="v2"), "applied": condition("rejected", status=False)},
        seen_version="v2",
        applied_version="v1",
    )
    away = SourceState(
        conditions={**faulty.conditions, "fetched": condition("auth", status=False)},
        seen_version="v2",
        applied_version="v1",
    )
    with database.write() as connection:
        sources.enter(connection, "git", "git", {}, NOW)
        for state in (live, live, faulty, faulty, away, away):
            sources.store(connection, "git", state, NOW)
        for _ in range(2):
            assert sources.suspend(connection, "git", "me", "", NOW)
        for _ in range(2):
            assert sources.rouse(connection, "git", NOW)
    assert {row.source for row in events(database)} == {"git"}
    assert told(database) == [
        ("source.fetched", {"version": "v1"}),
        ("source.applied", {"reason": "applied", "message": "why", "version": "v1"}),
        ("source.fetched", {"version": "v2"}),
        ("source.rejected", {"version": "v1", "reason": "rejected", "message": "why"}),
        ("source.unreachable", {"reason": "auth", "message": "why"}),
        ("source.suspended", {"by": "me", "reason": ""}),
        ("source.resumed", {}),
    ]


def test_a_commits_outcome_is_told_once_and_so_is_that_of_those_it_overtook(database: Database) -> None:
    live = Decision(CommitOutcome.LIVE, "all of it is live")
    with database.write() as connection:
        for version in ("one", "two"):
            commits.see(connection, "git", version, NOW, author="", title=f"Say {version}", report=False)
        for message in ("", "other words"):
            commits.settle(connection, "git", "two", Decision(live.outcome, message), NOW, report=False)
    found = [(row.data["commit"], row.data["outcome"], row.data["title"]) for row in events(database)]
    assert found == [("two", "live", "Say two"), ("one", "superseded", "Say one")]


def test_what_is_done_to_workflows_by_hand_is_told_of(database: Database) -> None:
    play, me = Play(database), Account("me", "it broke")
    with database.write() as connection:
        for _ in range(2):
            revisions.pause(connection, play.workflow_id, "me", "rest", NOW)
        for _ in range(2):
            revisions.resume(connection, play.workflow_id, NOW)
        pin(connection, play.workflow_id, 1, me, NOW)
        unpin(connection, play.workflow_id, NOW)
        revisions.archive(connection, [play.workflow_id], NOW)
        restore(connection, play.workflow_id, me, NOW)
    assert {(row.namespace, row.workflow) for row in events(database)} == {("default", play.workflow.name)}
    assert told(database) == [
        ("workflow.paused", {"by": "me", "reason": "rest"}),
        ("workflow.resumed", {}),
        ("workflow.pinned", {"revision": 1, "by": "me", "reason": "it broke"}),
        ("workflow.unpinned", {}),
        ("workflow.archived", {}),
        ("workflow.restored", {"by": "me", "reason": "it broke"}),
    ]


WANTED: list[tuple[dict[str, Any], set[int]]] = [
    ({}, {0, 1, 2, 3}),
    ({"kinds": ("run.created",)}, {0}),
    ({"kinds": ("run.*", "worker.lost")}, {0, 1, 3}),
    ({"kinds": ("run",)}, set()),
    ({"namespaces": ("data.*",)}, {0, 1}),
    ({"namespaces": ("data",)}, {0}),
    ({"namespaces": ("data.daily",)}, {1}),
    ({"namespaces": ("data_daily", "other")}, set()),
    ({"workflow": ("data", "etl")}, {0}),
    ({"source": "git"}, {2}),
    ({"source": "git", "kinds": ("run.*",)}, set()),
]


@pytest.mark.parametrize(("wanted", "expected"), WANTED)
def test_the_database_and_the_process_agree_on_what_is_wanted(
    database: Database, wanted: dict[str, Any], expected: set[int]
) -> None:
    entered = [
        happening(EventKind.RUN_CREATED, namespace="data", workflow="etl"),
        happening(EventKind.RUN_FINISHED, namespace="data.daily", workflow="etl"),
        happening(EventKind.SOURCE_FETCHED, source="git"),
        happening(EventKind.WORKER_LOST),
    ]
    enter(database, *entered)
    rows = events(database)
    assert {n for n, row in enumerate(rows) if Wanted(**wanted).takes(row)} == expected
    assert {row.id - rows[0].id for row in events(database, **wanted)} == expected


def test_events_are_read_in_pages_and_up_to_a_place(database: Database) -> None:
    enter(database, *(happening(data={"n": n}) for n in range(5)))
    page = events(database, limit=2)
    assert [row.data["n"] for row in [*page, *events(database, after=page[-1].id)]] == [0, 1, 2, 3, 4]
    with database.read() as connection:
        newest = newest_event(connection)
        enter(database)
        assert len(events_after(connection, 0, 10, until=newest)) == 5


def test_where_to_begin_for_a_moment(database: Database) -> None:
    with database.read() as connection:
        assert event_before(connection, NOW) == newest_event(connection)
    enter(database, *(happening(at=NOW + timedelta(minutes=n)) for n in range(3)))
    with database.read() as connection:
        begin = event_before(connection, NOW + timedelta(minutes=1))
        assert [row.at for row in events_after(connection, begin, 10)] == [
            NOW + timedelta(minutes=1),
            NOW + timedelta(minutes=2),
        ]
        assert event_before(connection, NOW + timedelta(hours=1)) == newest_event(connection)


def test_old_events_go_in_bites_and_their_ids_are_not_given_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "ROWS_MAX", 3)
    enter(database, *(happening() for _ in range(5)))
    last = events(database)[-1].id
    with database.write() as connection:
        assert [forget_events(connection, NOW) for _ in range(2)] == [0, 0]
        later = NOW + timedelta(seconds=1)
        assert [forget_events(connection, later) for _ in range(3)] == [3, 2, 0]
        assert oldest_event(connection) is None
    enter(database)
    assert [row.id for row in events(database, after=last)] == [last + 1]


def test_characters_that_no_database_holds_are_replaced(database: Database) -> None:
    enter(database, happening(data={"message": "a\0b"}))
    assert told(database) == [("worker.joined", {"message": "a\ufffdb"})]


def test_a_lock_that_came_later_holds_back_nothing_and_ids_grow_beyond_32_bits() -> None:
    many = 3 * 2**32
    cases = [(7, 5), (5, 7), (many + 7, 5), (many + 5, 7), (many + 1, 2**32 - 2)]
    assert [last_before(last, low) for last, low in cases] == [5, 5, many + 5, many + 5, many - 2]


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
class TestConcurrentTransactions:
    """PostgreSQL gives ids before it shows rows: what is not shown yet holds back what came after it."""

    def test_a_reader_waits_for_a_lower_id_that_is_not_committed(self, database: Database) -> None:
        with database.write() as slow:
            feed.enter(slow, [happening(data={"n": "slow"})])
            enter(database, happening(data={"n": "quick"}))
            with database.read() as connection:
                visible = connection.execute(select(func.count()).select_from(table)).scalar_one()
            assert visible == 1  # the quick one is committed, with the higher id
            assert events(database) == []
        assert [row.data["n"] for row in events(database)] == ["slow", "quick"]

    def test_what_stands_below_is_shown_meanwhile(self, database: Database) -> None:
        enter(database, happening(data={"n": "before"}))
        with database.write() as slow:
            feed.enter(slow, [happening()])
            enter(database)
            assert [row.data["n"] for row in events(database)] == ["before"]

    def test_one_that_is_rolled_back_holds_nothing_back(self, database: Database) -> None:
        enter_in_vain(database, lambda: enter(database))
        assert len(events(database)) == 1

    def test_a_transaction_that_enters_nothing_holds_nothing_back(self, database: Database) -> None:
        with database.write() as other:
            other.execute(text("SELECT pg_current_xact_id()"))
            enter(database)
            assert len(events(database)) == 1

    def test_the_lock_comes_before_the_id(self, database: Database) -> None:
        """Whoever sees no lock and a last id sees nothing above it later that is not committed then."""
        with database.write() as connection:
            before = newest_event(connection)
            feed.enter(connection, [happening()])
            own = connection.execute(select(func.max(table.c.id))).scalar_one()
            with database.read() as reader:
                assert newest_event(reader) == before < own

    def test_ids_beyond_what_a_lock_can_name(self, database: Database) -> None:
        with database.write() as connection:
            connection.execute(text(f"SELECT setval('feed_id_seq', {3 * 2**32 - 2})"))
        enter(database, *(happening() for _ in range(2)))
        with database.write() as slow:
            feed.enter(slow, [happening()])
            enter(database)
            assert [row.id for row in events(database)] == [3 * 2**32 - 1, 3 * 2**32]
        assert len(events(database)) == 4
