"""The whole engine in one thread and in simulated time: real executor, lease keeper, sweeper and store; workers,
broker and clock by a seed. A seed gives the same history each time.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import Connection, insert

from dsl.model import encode as encode_workflow
from engine.broker.interface import EVENT_QUEUES, HEARTBEATS, events_queue
from engine.machine.changes import NewSignal
from engine.machine.creation import new_run
from engine.machine.graph import Graph
from engine.services.executor import Executor
from engine.services.lease_keeper import LeaseKeeper
from engine.services.sweeper import Sweeper
from engine.services.wakes import wake
from engine.store import runs as run_store
from engine.store.database import Database
from engine.store.errors import RetryableError
from engine.store.local import store_workflow
from engine.store.signals import insert_signals
from engine.store.tables import metadata, revisions, workflows
from tests.simulation.broker import Faults, SimulatedBroker
from tests.simulation.flows import CAPACITIES, child_workflow, random_workflow
from tests.simulation.referee import Referee
from tests.simulation.workers import SimulatedWorker

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class FaultyDatabase(Database):
    """A store whose writes fail by a seed: before they are made, or after, the caller being told that they failed."""

    chance: random.Random
    faults: Faults
    clock: Callable[[], datetime]

    def now(self) -> datetime:
        return self.clock()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self.chance.random() < self.faults.write_lost:
            raise RetryableError("simulated: the write did not happen")
        with super().write() as connection:
            yield connection
        if self.chance.random() < self.faults.write_unsure:
            raise RetryableError("simulated: the write happened, and nobody is told")


@cache
def _database() -> FaultyDatabase:
    database = FaultyDatabase.open("sqlite://")
    metadata.create_all(database.engine)
    return database


def _emptied() -> FaultyDatabase:
    """The process's one database, without its rows: to compile every statement anew costs half a history."""
    database = _database()
    with Database.write(database) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return database


class World:
    """One history."""

    def __init__(self, seed: int, *, runs: int = 4, workers: int = 2) -> None:
        self.chance = random.Random(seed)
        self.now = BEGIN
        self.faults = Faults.drawn(self.chance)
        self._number = 0
        self.database = _emptied()
        self.database.clock = self.clock
        self.database.chance, self.database.faults = self.chance, Faults()
        self.broker = SimulatedBroker(self.chance, self.clock, self.faults)
        self.workers = [
            SimulatedWorker(f"w{n}", self.broker, self.clock, self.chance, self.new_id) for n in range(workers)
        ]
        self.referee = Referee(self.database, self.workers)
        self.run_ids = self._create(runs)
        self.database.faults = self.faults
        self._start_engine()

    def clock(self) -> datetime:
        return self.now

    def new_id(self) -> str:
        self._number += 1
        return f"01890000-0000-7000-8000-{self._number:012x}"

    def play(self, steps: int) -> None:
        """Let things happen, with faults."""
        for _ in range(steps):
            self._happen()
            self.referee.look()

    def settle(self) -> None:
        """Take all faults away and let everything come to its end. Raises when something is stuck."""
        self.faults.lost = self.faults.doubled = self.faults.late = self.faults.refused = 0
        self.faults.write_lost = self.faults.write_unsure = self.faults.crash = 0
        for number in range(1000):
            if not self.referee.open_runs():
                break
            self._round(sweep=number % 3 == 0)
            self.now += timedelta(seconds=1.9)
            self.referee.look()
        self.referee.final()

    def close(self) -> None:
        """End the history; the database stays for the next."""
        self.executor.stop()

    def _create(self, number: int) -> list[str]:
        workflow = random_workflow(self.chance, "w")
        graph = Graph.of(workflow)
        workflow_id, revision_id = self.new_id(), self.new_id()
        created = [
            new_run(
                run_id=self.new_id(),
                graph=graph,
                workflow_id=workflow_id,
                revision_id=revision_id,
                revision=1,
                trigger={"kind": "manual"},
                inputs={},
                now=self.now,
                backfill_id=self.new_id() if place % 3 == 2 else None,  # some stand in line behind all others
            )
            for place in range(number)
        ]
        with self.database.write() as connection:
            connection.execute(insert(workflows).values(_workflow_row(workflow_id, self.now)))
            compiled = encode_workflow(workflow)
            connection.execute(insert(revisions).values(_revision_row(revision_id, workflow_id, compiled, self.now)))
            store_workflow(connection, child_workflow(self.chance), self.new_id, self.now)
            run_store.create_runs(connection, created)
        wake(self.broker, [run.id for run in created])
        return [run.id for run in created]

    def _start_engine(self) -> None:
        for consumer in self.broker.consumers:
            consumer.close()
        self.executor = Executor(self.database, self.broker, self.clock, CAPACITIES)
        self.events = self.broker.consumers[-1]
        self.keeper = LeaseKeeper(self.database, self.broker, clock=self.clock, ids=self.new_id)
        self.sweeper = Sweeper(self.database, self.broker, clock=self.clock)

    def _happen(self) -> None:
        what = self.chance.random()
        if what < 0.35:
            self._execute()
        elif what < 0.65:
            self.chance.choice(self.workers).act()
        elif what < 0.75:
            self._keep()
        elif what < 0.8:
            self._survive(self.sweeper.sweep)
        elif what < 0.97:
            self.now += timedelta(seconds=self.chance.choice([0.1, 0.5, 1, 1, 2, 4]))
        elif what < 0.98:
            self._cancel()
        elif self.chance.random() < self.faults.crash * 10:
            self._crash()

    def _round(self, *, sweep: bool) -> None:
        for worker in self.workers:
            worker.act()
        self._execute()
        self._keep()
        if sweep:
            self._survive(self.sweeper.sweep)
        self._execute()

    def _execute(self) -> None:
        deliveries = []
        for n in range(EVENT_QUEUES):
            queue = events_queue(n)
            letters = self.broker.ready(queue)[:20]
            deliveries += [self.events.take(queue, self.broker.take(queue, letter)) for letter in letters]
        try:
            self.executor.process(deliveries)
        except RetryableError:
            self.events.requeue(deliveries)

    def _keep(self) -> None:
        consumer = self.keeper_consumer
        letters = self.broker.ready(HEARTBEATS)
        deliveries = [consumer.take(HEARTBEATS, self.broker.take(HEARTBEATS, letter)) for letter in letters]
        self._survive(lambda: self.keeper.process(deliveries))
        self._survive(self.keeper.tick)

    @property
    def keeper_consumer(self):  # type: ignore[no-untyped-def]
        return self.broker.consumers[-1]

    def _cancel(self) -> None:
        run_id = self.chance.choice(self.run_ids)
        payload = {"by": "ada", "forced": self.chance.random() < 0.3}
        self._survive(lambda: self._insert(run_id, payload))
        wake(self.broker, [run_id])

    def _insert(self, run_id: str, payload: dict[str, object]) -> None:
        with self.database.write() as connection:
            insert_signals(connection, [(run_id, NewSignal("cancel", payload, self.now))])

    def _crash(self) -> None:
        if self.chance.random() < 0.5:
            self.chance.choice(self.workers).die()
        else:
            self._start_engine()

    def _survive(self, action) -> None:  # type: ignore[no-untyped-def]
        with suppress(RetryableError):  # the service's loop would try again at its next turn
            action()


def _workflow_row(workflow_id: str, now: datetime) -> dict[str, object]:
    return {
        "id": workflow_id,
        "namespace": "default",
        "name": "w",
        "source": "s",
        "labels": {},
        "ready": {},
        "created_at": now,
        "updated_at": now,
    }


def _revision_row(revision_id: str, workflow_id: str, compiled: bytes, now: datetime) -> dict[str, object]:
    return {
        "id": revision_id,
        "workflow_id": workflow_id,
        "number": 1,
        "digest": "d",
        "compiled": compiled,
        "document": {},
        "source": "s",
        "path": "w.yaml",
        "created_at": now,
    }
