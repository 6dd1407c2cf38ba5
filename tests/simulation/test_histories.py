"""At least 2,000 histories with faults: every run ends, only by legal arrows, and nothing counts twice."""

import os

import pytest

from tests.simulation.world import World

HISTORIES = int(os.environ.get("CHRONOVERSE_TEST_HISTORIES", "2000"))
PER_TEST = 50


@pytest.mark.parametrize("block", range(HISTORIES // PER_TEST))
def test_every_history_ends_well(block: int) -> None:
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        world = World(seed)
        try:
            world.play(60)
            world.settle()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        finally:
            world.close()


def test_a_seed_gives_the_same_history() -> None:
    def history() -> list[tuple[object, ...]]:
        world = World(7)
        world.play(80)
        world.settle()
        with world.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT id, state, attempt FROM task_runs ORDER BY id").all()
        world.close()
        return [tuple(row) for row in rows]

    assert history() == history()
