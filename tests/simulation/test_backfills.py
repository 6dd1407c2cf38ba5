"""Backfills under faults: loops that die at every write, before it or after, and others that come between.

Every time of the range is decided once, in order, no more runs are on their way than may be, and the backfill ends.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select, update

from engine.backfilling import BackfillState
from engine.services.backfiller import Backfiller
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.errors import RetryableError
from engine.store.invariants import check
from engine.store.reads_backfills import ledger_kind
from engine.store.schema import migrate
from engine.store.tables import firings, runs
from tests.contract.backfills.world import HOURLY, BackfillWorld
from tests.contract.sync.world import START

HOURS = 12
PARALLEL = 3


class KilledError(BaseException):
    """The process died here."""


FAULTS = (KilledError, RetryableError)
"""The process dies, or is told that the write failed."""


class Faulty:
    """A database at whose writes `fault` may raise, with False before the commit and with True after it."""

    def __init__(self, database: Database, fault: Callable[[bool], None], between: Callable[[], None]) -> None:
        self._database = database
        self._fault = fault
        self._between = between

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._between()
        with self._database.write() as connection:
            yield connection
            self._fault(False)
        self._fault(True)


@pytest.fixture(scope="module")
def world() -> Iterator[BackfillWorld]:
    """One workflow for all histories: each has a day of its own."""
    database = Database.open("sqlite://")
    migrate(database)
    world = BackfillWorld(database)
    world.alpha(HOURLY + ', if: "trigger.scheduled_at.getHours() != 5"')
    yield world
    database.close()


class History:
    """One backfill of `HOURS` times, and loops over a database that fails."""

    def __init__(self, world: BackfillWorld, day: int, *, reverse: bool = False) -> None:
        self.world = world
        self.database = world.database
        self.reverse = reverse
        until = START - timedelta(days=day)
        self.backfill_id = world.create(HOURS, until=until, parallel=PARALLEL, reverse=reverse)
        self.fault: Callable[[bool], None] = lambda _: None
        self.between: Callable[[], None] = lambda: None

    def loop(self) -> Backfiller:
        database: Any = Faulty(self.database, self._fault, self._between)
        return Backfiller(database, self.world.broker, clock=self.world.clock, ids=self.world.ids)

    def _fault(self, committed: bool) -> None:
        self.fault(committed)

    def _between(self) -> None:
        self.between()

    def carry_on(self, loop: Backfiller) -> Backfiller:
        """Let a loop carry on once; return it, or one that is started in its place when it dies."""
        try:
            loop.carry_on()
        except RetryableError:
            pass
        except KilledError:
            loop = self.loop()
        assert len(self.world.open(self.backfill_id)) <= PARALLEL
        return loop

    @property
    def state(self) -> str:
        return str(self.world.show(self.backfill_id).state)

    def referee(self) -> None:
        """What must be true in the end, whatever happened."""
        kind = ledger_kind(self.backfill_id)
        with self.database.read() as connection:
            ledger = connection.execute(select(firings).where(firings.c.kind == kind)).all()
            query = select(func.count()).select_from(runs).where(runs.c.backfill_id == self.backfill_id)
            made = connection.execute(query).scalar_one()
            assert check(connection, self.world.clock()) == []
        assert sorted(row.fire_time.hour for row in ledger) == list(range(HOURS))
        assert [row.fire_time.hour for row in ledger if row.run_id is None] == [5]
        hours = self.world.hours(self.backfill_id)
        assert hours == sorted(set(range(HOURS)) - {5}, reverse=self.reverse)
        row = self.world.show(self.backfill_id)
        assert (row.state, row.made, row.skipped, made) == (BackfillState.FINISHED, HOURS - 1, 1, HOURS - 1)


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("error", FAULTS)
def test_a_fault_at_each_write_in_turn(world: BackfillWorld, committed: bool, error: type[BaseException]) -> None:
    died, number, days = True, 0, count(1000 * (2 * committed + FAULTS.index(error)))
    while died:
        history, number, died = History(world, next(days), reverse=committed), number + 1, False
        writes = 0

        def fault(after: bool, at: int = number) -> None:
            nonlocal writes, died
            writes += after is committed
            if writes == at and not died:
                died = True
                raise error

        history.fault = fault
        loop = history.loop()
        for _ in range(200):
            loop = history.carry_on(loop)
            if history.state != "running":
                break
            history.world.end(history.world.open(history.backfill_id)[:1])
        history.referee()
    assert number > HOURS / PARALLEL


@pytest.mark.parametrize("block", range(4))
def test_loops_that_die_and_meet_at_random(world: BackfillWorld, block: int) -> None:
    for seed in range(block * 15, block * 15 + 15):
        random = Random(seed)
        history = History(world, 5000 + seed, reverse=random.random() < 0.5)
        _play(history, random, steps=60)
        _settle(history)
        try:
            history.referee()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def _play(history: History, random: Random, steps: int) -> None:
    loops = [history.loop() for _ in range(3)]
    nested = False

    def fault(_: bool) -> None:
        if random.random() < 0.2:
            raise random.choice(FAULTS)

    def between() -> None:
        """Another loop has its turn between what this one read and what it writes."""
        nonlocal nested
        if not nested and random.random() < 0.4:
            nested = True
            loops[2] = history.carry_on(loops[2])
            nested = False

    history.fault, history.between = fault, between
    for _ in range(steps):
        match random.randrange(6):
            case 0 | 1 | 2:
                place = random.randrange(2)
                loops[place] = history.carry_on(loops[place])
            case 3 | 4:
                found = history.world.open(history.backfill_id)
                _move(history, random.sample(found, min(len(found), random.randrange(3))), random)
            case _:
                _switch(history, random)


def _move(history: History, run_ids: list[str], random: Random) -> None:
    for run_id in run_ids:
        if random.random() < 0.3:
            with history.database.write() as connection:
                connection.execute(update(runs).where(runs.c.id == run_id).values(state="running"))
        else:
            history.world.end([run_id], random.choice(["succeeded", "failed", "cancelled"]))


def _switch(history: History, random: Random) -> None:
    if history.state in {"running", "paused"}:
        random.choice([history.world.backfills.pause, history.world.backfills.resume])(history.backfill_id)


def _settle(history: History) -> None:
    """No more faults: go on to the end."""
    history.fault, history.between = lambda _: None, lambda: None
    if history.state == "paused":
        history.world.backfills.resume(history.backfill_id)
    loop = history.loop()
    for _ in range(200):
        loop.carry_on()
        history.world.end(history.world.open(history.backfill_id))
        if history.state != "running":
            return
