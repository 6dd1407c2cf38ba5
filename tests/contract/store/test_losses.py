"""How a worker loses an attempt is counted by its cause, on either database."""

from collections.abc import Callable

import pytest

from engine.broker import MemoryBroker
from engine.broker.interface import Delivery
from engine.broker.messages import AnyMessage, Goodbye, Heartbeat, encode
from engine.machine.events import Start
from engine.services.lease_keeper import LeaseKeeper
from engine.store.database import Database
from engine.telemetry.instruments import LEASE_LOSSES
from tests.contract.store.play import Play, claim
from tests.recorded import Recorded

OLD, NEW = "01890000-0000-7000-8000-00000000000a", "01890000-0000-7000-8000-00000000000b"


def beat(session: str, sequence: int = 1) -> Heartbeat:
    return Heartbeat(
        session=session, worker="w", reply_to="", pools=["default"], kinds=["run"], slots=1, sequence=sequence
    )


def told(keeper: LeaseKeeper, *messages: AnyMessage) -> None:
    for message in messages:
        keeper.process([Delivery(tag=1, body=encode(message))])


WAYS: dict[str, Callable[[LeaseKeeper], None]] = {
    "ended": lambda keeper: told(keeper, Goodbye(session=OLD)),
    "replaced": lambda keeper: told(keeper, beat(NEW)),
    "unlisted": lambda keeper: told(keeper, beat(OLD, 2), beat(OLD, 3)),
    "expired": lambda keeper: keeper._expire(),
}


@pytest.mark.parametrize("cause", WAYS)
def test_a_loss_is_counted_by_its_cause(database: Database, cause: str) -> None:
    broker = MemoryBroker()
    broker.declare(["default"])
    keeper = LeaseKeeper(database, broker, ttl_seconds=-1 if cause == "expired" else 60)
    play = Play(database)
    [run_id] = play.create()
    play.apply(run_id, Start())
    told(keeper, beat(OLD))
    play.apply(run_id, claim(run_id, session=OLD))
    counted = Recorded(LEASE_LOSSES)
    WAYS[cause](keeper)
    assert counted.since() == {(cause,): (0, 1)}
    keeper.stop()
    broker.close()
