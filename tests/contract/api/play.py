"""A database with workflows from files, and an engine that is led by hand: every row is one that the engine wrote."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.broker.logs import LogLine, pack
from engine.broker.memory import MemoryBroker
from engine.broker.messages import Claim, Finished, Heartbeat, LogBatch, encode
from engine.clock import new_id, system_clock
from engine.services.executor import Executor
from engine.services.log_writer import LogWriter
from engine.services.wakes import queue_of, wake
from engine.store.database import Database
from engine.store.sessions import renew
from tests.contract.sync.world import MemorySource, World

WORKER = "worker-1"


class Clock:
    """The real time, moved on by hand: ids are drawn by the real one too."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self._offset

    def forward(self, **amount: float) -> None:
        self._offset += timedelta(**amount)


class Play:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.broker = MemoryBroker()
        self.namespace = f"n{uuid.uuid4().hex[:12]}"
        self.session = new_id()
        self.synced: list[str] = []
        self.artifacts = Path()
        self.health: dict[str, Any] = {}
        self._world = World(database)
        self._world.clock = self.clock  # type: ignore[assignment]
        self._world.ids = new_id  # type: ignore[assignment]
        self._source = MemorySource(name=self.namespace)
        self._executor = Executor(database, self.broker, clock=self.clock)
        self._logs = LogWriter(database, self.broker, clock=self.clock)
        self._batches: dict[str, int] = {}

    def close(self) -> None:
        self._executor.stop()
        self._logs.stop()

    def sync_asked(self, name: str) -> bool:
        self.synced.append(name)
        return name == self.namespace

    def files(self, **files: str) -> None:
        """Put files into the source and sync; `name` and `namespace` are filled in."""
        texts = {
            name: f"name: {name.replace('_', '-')}\nnamespace: {self.namespace}\n{text}" for name, text in files.items()
        }
        self._world.sync(self._source, **texts)

    def remove(self, name: str) -> None:
        """Take a file away and sync."""
        del self._source.files[f"{name}.yaml"]
        self._world.sync(self._source)

    def worker(self, *, pools: tuple[str, ...] = ("default",), slots: int = 2) -> None:
        """Let a worker say hello."""
        beat = Heartbeat(
            session=self.session,
            worker=WORKER,
            reply_to="nowhere",
            host="host",
            pools=list(pools),
            kinds=["run"],
            slots=slots,
            sequence=1,
        )
        with self.database.write() as connection:
            renew(connection, [beat], self.database.now(), timedelta(hours=1))

    def advance(self) -> None:
        """Let the executor take what has come."""
        self._executor.turn()

    def settle(self) -> None:
        """Let the executor go on until what it says to itself is done too; a wake for nobody makes each turn end."""
        for _ in range(4):
            wake(self.broker, [new_id()])
            self._executor.turn()

    def claim(self, run_id: str, ordinal: int | str = 0, attempt: int = 1) -> str:
        """Let the worker claim an attempt; return the claim."""
        claim_id = new_id()
        name = f"{run_id}-{ordinal}:{attempt}"
        self._say(
            run_id,
            Claim(attempt=name, claim_id=claim_id, session=self.session, worker=WORKER, reply_to="nowhere"),
        )
        return claim_id

    def finish(self, run_id: str, claim_id: str, ordinal: int | str = 0, attempt: int = 1, **given: Any) -> None:
        """Let the worker report an end; succeeded unless told otherwise."""
        now = self.clock()
        values = {"state": "succeeded", "started_at": now, "finished_at": now, "exit_code": 0, **given}
        name = f"{run_id}-{ordinal}:{attempt}"
        message = Finished(attempt=name, claim_id=claim_id, session=self.session, reply_to="nowhere", **values)
        self._say(run_id, message)

    def carry_out(self, run_id: str, ordinal: int | str = 0, attempt: int = 1, **given: Any) -> str:
        """Claim and finish an attempt."""
        claim_id = self.claim(run_id, ordinal, attempt)
        self.finish(run_id, claim_id, ordinal, attempt, **given)
        return claim_id

    def log(self, run_id: str, claim_id: str, *lines: str, ordinal: int = 0, attempt: int = 1) -> None:
        """Let the worker send one batch of lines."""
        number = self._batches.get(claim_id, 0) + 1
        self._batches[claim_id] = number
        packed = pack([LogLine(self.clock(), "stdout", line) for line in lines])
        batch = LogBatch(
            attempt=f"{run_id}-{ordinal}:{attempt}",
            claim_id=claim_id,
            session=self.session,
            reply_to="nowhere",
            batch_no=number,
            line_count=len(lines),
            lines=packed,
        )
        self.broker.publish("logs", [encode(batch)])
        self._logs.turn()

    def _say(self, run_id: str, message: Claim | Finished) -> None:
        self.broker.publish(queue_of(run_id), [encode(message)])
        self._executor.turn()
