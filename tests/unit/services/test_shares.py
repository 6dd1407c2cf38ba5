"""How the events queues are shared: by an injected clock, with a consumer that says what it holds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.services.executor.shares import LIVE_SECONDS, RENEW_SECONDS, SURPLUS_SECONDS, Shares, surplus
from engine.store.database import Database
from engine.store.schema import migrate

QUEUES = [f"events.{n}" for n in range(16)]


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Held:
    """A consumer that holds what it is told to, and notes what is asked of it."""

    def __init__(self, queues: list[str]) -> None:
        self.held = frozenset(queues)
        self.asked: list[tuple[str, str]] = []

    def leave(self, queue: str) -> None:
        self.held -= {queue}
        self.asked.append(("leave", queue))

    def join(self, queue: str) -> None:
        self.asked.append(("join", queue))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path, clock: Clock) -> Database:
    made = Database.open(f"sqlite:///{tmp_path / 'test.db'}", clock=clock)
    migrate(made)
    return made


def shares(database: Database, clock: Clock, name: str, queues: list[str]) -> tuple[Shares, Held]:
    held = Held(queues)
    return Shares(database, held, clock, name), held  # type: ignore[arg-type]


@pytest.mark.parametrize(("live", "kept"), [(0, 16), (1, 16), (2, 8), (3, 6), (5, 4), (16, 1), (40, 1)])
def test_a_share_is_rounded_up(live: int, kept: int) -> None:
    assert len(QUEUES) - len(surplus(QUEUES, live)) == kept


def test_who_is_alone_keeps_everything(database: Database, clock: Clock) -> None:
    alone, held = shares(database, clock, "a", QUEUES)
    for _ in range(10):
        assert alone.look() == []
        clock.move(RENEW_SECONDS)
    assert held.asked == []


def test_a_surplus_of_thirty_seconds_is_left_and_stood_by_for(database: Database, clock: Clock) -> None:
    first, held = shares(database, clock, "a", QUEUES)
    second, _ = shares(database, clock, "b", [])
    left: list[str] = []
    moved = 0.0
    while not left:
        second.look()
        left = first.look()
        moved += RENEW_SECONDS
        clock.move(RENEW_SECONDS)
    assert moved - RENEW_SECONDS == SURPLUS_SECONDS
    assert len(left) == 8
    assert held.asked == [(what, queue) for queue in left for what in ("leave", "join")]
    second.look()
    clock.move(SURPLUS_SECONDS)
    assert first.look() == [], "what is left is a share"


def test_a_look_before_its_time_asks_nothing(database: Database, clock: Clock) -> None:
    first, _ = shares(database, clock, "a", QUEUES)
    assert first.patience() == 0
    first.look()
    clock.move(1)
    assert first.patience() == RENEW_SECONDS - 1
    database.close()
    assert first.look() == []


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_an_executor_that_is_gone_counts_no_more(database: Database, clock: Clock, how: str) -> None:
    first, held = shares(database, clock, "a", QUEUES)
    second, _ = shares(database, clock, "b", [])
    second.look()
    first.look()
    if how == "ended":
        second.end()
    clock.move(LIVE_SECONDS)
    assert first.look() == []
    clock.move(SURPLUS_SECONDS)
    assert first.look() == []
    assert held.asked == []
