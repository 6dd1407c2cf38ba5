"""Who is let in: a worker serves every kind that its pools promise, and says nothing that the store cannot hold."""

from pathlib import Path
from typing import Any

import pytest

from engine.broker.interface import HEARTBEATS
from engine.broker.memory import MemoryBroker
from engine.broker.messages import (
    CLAIMS_HELD_MAX,
    Heartbeat,
    HeartbeatAnswer,
    HeldAttempt,
    UnreadableMessageError,
    decode,
    encode,
)
from engine.clock import new_id
from engine.services.lease_keeper import LeaseKeeper
from engine.store.database import Database
from engine.store.schema import migrate
from engine.store.sessions import live_sessions

POOL_KINDS = {"default": ("http", "run"), "gpu": ("container",)}


class Door:
    """A lease keeper, and a worker's side of it."""

    def __init__(self, directory: Path) -> None:
        self.broker = MemoryBroker()
        self.database = Database.open(f"sqlite:///{directory / 'test.db'}")
        migrate(self.database)
        self.inbox = self.broker.replies()

    def knock(self, keeper: LeaseKeeper, **fields: Any) -> HeartbeatAnswer:
        self.broker.publish(HEARTBEATS, [encode(beat(reply_to=self.inbox.address, **fields))])
        keeper.turn()
        body = self.inbox.get(5)
        assert body is not None
        answer = decode(body)
        assert isinstance(answer, HeartbeatAnswer)
        return answer

    def keeper(self, pool_kinds: dict[str, tuple[str, ...]]) -> LeaseKeeper:
        return LeaseKeeper(self.database, self.broker, pool_kinds=pool_kinds)

    def inside(self) -> set[str]:
        with self.database.read() as connection:
            return live_sessions(connection)


def beat(**fields: Any) -> Heartbeat:
    given = {"session": new_id(), "worker": "w", "reply_to": "r", "pools": ["default"], "kinds": ["http", "run"]}
    return Heartbeat(**{**given, "slots": 1, "sequence": 1, **fields})


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.mark.parametrize(
    ("pools", "kinds", "missing"),
    [
        (["default"], ["http", "run", "container"], ""),
        (["default"], ["run"], "default (http)"),
        (["gpu", "default"], ["http"], "default (run), gpu (container)"),
        (["elsewhere"], [], ""),
    ],
)
def test_a_worker_that_lacks_a_kind_of_its_pools_is_refused(
    door: Door, pools: list[str], kinds: list[str], missing: str
) -> None:
    answer = door.knock(door.keeper(POOL_KINDS), pools=pools, kinds=kinds)
    assert bool(answer.refused) == bool(missing)
    assert missing in answer.refused
    assert ("hint:" in answer.refused) == bool(missing)
    assert len(door.inside()) == (0 if missing else 1)


def test_who_is_inside_stays_when_its_pool_promises_more(door: Door) -> None:
    session = new_id()
    earlier = door.keeper({})
    assert not door.knock(earlier, session=session).refused
    earlier.stop()
    later = door.keeper({"default": ("container",)})
    assert not door.knock(later, session=session, sequence=2).refused
    assert door.knock(later).refused
    assert door.inside() == {session}


HELD = HeldAttempt(f"{new_id()}-1:1", new_id())


@pytest.mark.parametrize(
    "fields",
    [
        {"worker": "w" * 201},
        {"worker": ""},
        {"worker": "w\0"},
        {"host": "h" * 201},
        {"session": "s" * 37},
        {"pools": ["p" * 101]},
        {"pools": ["p"] * 101},
        {"kinds": ["k" * 41]},
        {"kinds": ["k"] * 201},
        {"slots": -1},
        {"slots": 1 << 31},
        {"reply_to": "r" * 1001},
        {"held": [HELD] * (CLAIMS_HELD_MAX + 1)},
        {"held": [HeldAttempt("x" * 101, new_id())]},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_the_store_cannot_hold_is_not_let_in(door: Door, fields: dict[str, Any]) -> None:
    bad, good = encode(beat(**fields)), beat(reply_to=door.inbox.address)
    with pytest.raises(UnreadableMessageError):
        decode(bad)
    door.broker.publish(HEARTBEATS, [bad, encode(good)])
    door.keeper({}).turn()
    assert door.inside() == {good.session}


def test_what_is_as_long_as_it_may_be_is_let_in() -> None:
    decode(encode(beat(worker="w" * 200, host="h" * 200, held=[HELD] * CLAIMS_HELD_MAX, kinds=["k" * 40] * 200)))
