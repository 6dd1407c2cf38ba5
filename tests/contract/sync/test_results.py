"""What came of a sync, in one word."""

from engine.sync.report import result_of
from engine.sync.source import FetchError
from tests.contract.sync.world import World, workflow


def test_every_sync_has_a_result(world: World) -> None:
    assert result_of(world.sync(a=workflow("alpha", "every: 10s"))) == "applied"
    assert result_of(world.sync()) == "unchanged"
    assert result_of(world.sync(b="name: 7")) == "rejected"
    assert result_of(world.sync()) == "rejected"
    world.source.failure = FetchError("unreachable", "nobody answers")
    assert result_of(world.sync()) == "failed"
    world.source.failure = None
    assert result_of(world.sync(b=workflow("beta", "every: 10s"))) == "applied"
