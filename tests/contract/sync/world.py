"""A source in memory, a clock that is told what to say, and the sync and scheduler over a real database."""

import hashlib
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.broker.memory import MemoryBroker
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.services.scheduler import Scheduler
from engine.store import revisions
from engine.store.database import Database
from engine.store.tables import firings, run_data, runs, triggers, workflows
from engine.sync.reconcile import Outcome, Reconciler
from engine.sync.source import FetchError, Halt, Rules, Snapshot, SourceFile

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> datetime:
        self.now += timedelta(**amount)
        return self.now


class Ids:
    """UUIDs in order, so that what is created later sorts later."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._prefix = uuid.uuid4().hex[:12]

    def __call__(self) -> str:
        return str(uuid.UUID(self._prefix + f"{next(self._numbers):020x}"))


@dataclass
class MemorySource:
    name: str = "main"
    kind: str = "memory"
    rules: Rules = field(default_factory=Rules)
    files: dict[str, str] = field(default_factory=dict)
    refs: dict[str, dict[str, str]] = field(default_factory=dict)
    failure: FetchError | None = None
    commit: str | None = None
    author: str | None = None

    @property
    def config(self) -> dict[str, Any]:
        return {"namespace": self.rules.namespace}

    def fetch(self) -> Snapshot:
        return self._snapshot(self.files, self.commit)

    def snapshot_of(self, ref: str) -> Snapshot:
        if ref and ref not in self.refs:
            raise FetchError("ref_not_found", f"there is no branch or tag {ref}")
        return self._snapshot(self.refs[ref], ref) if ref else self._snapshot(self.files, self.commit)

    def _snapshot(self, files: dict[str, str], commit: str | None) -> Snapshot:
        if self.failure is not None:
            raise self.failure
        contents = {path: text.encode() for path, text in sorted(files.items())}
        found = {
            path: SourceFile(path, hashlib.sha256(data).hexdigest(), lambda data=data: data)
            for path, data in contents.items()
        }
        version = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()
        return Snapshot(version=version, files=found, commit=commit, author=self.author)

    def wait(self, halt: Halt, timeout_seconds: float) -> bool:
        raise NotImplementedError

    def nudge(self) -> None:
        pass

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


class World:
    """One database, one clock, sources by name."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.ids = Ids()
        self.broker = MemoryBroker()
        self.broker.declare([])
        self.source = MemorySource()
        self._reconcilers: dict[str, Reconciler] = {}
        self.scheduler = self.new_scheduler()

    def new_scheduler(self) -> Scheduler:
        return Scheduler(self.database, self.broker, clock=self.clock, ids=self.ids)

    def sync(self, source: MemorySource | None = None, **files: str) -> Outcome:
        """Put files (`a="..."` is `a.yaml`) into the source, and sync it."""
        source = source or self.source
        source.files.update({f"{name}.yaml": text for name, text in files.items()})
        if source.name not in self._reconcilers:
            settle = Firings(RevisionCache(self.database), self.ids).settle
            self._reconcilers[source.name] = Reconciler(
                self.database, source, settle=settle, ids=self.ids, now=self.clock
            )
        return self._reconcilers[source.name].reconcile()

    def restart(self) -> None:
        self._reconcilers.clear()
        self.scheduler = self.new_scheduler()

    def fire(self) -> None:
        while self.scheduler.fire():
            pass

    def pause(self, name: str) -> None:
        with self.database.write() as connection:
            revisions.pause(connection, self.workflow(name).id, "me", "testing", self.clock())

    def resume(self, name: str) -> None:
        with self.database.write() as connection:
            revisions.resume(connection, self.workflow(name).id, self.clock())

    def workflow(self, name: str, namespace: str = "default") -> Any:
        query = select(workflows).where(workflows.c.name == name, workflows.c.namespace == namespace)
        with self.database.read() as connection:
            return connection.execute(query).one()

    def workflows(self) -> dict[str, Any]:
        with self.database.read() as connection:
            return {row.name: row for row in connection.execute(select(workflows).order_by(workflows.c.name))}

    def trigger(self, name: str, trigger: str = "tick") -> Any:
        query = select(triggers).where(triggers.c.workflow_id == self.workflow(name).id, triggers.c.name == trigger)
        with self.database.read() as connection:
            return connection.execute(query).one_or_none()

    def ledger(self, name: str) -> list[tuple[datetime, str]]:
        """The nominal times of a workflow and what became of them, in order."""
        query = select(firings.c.fire_time, firings.c.outcome).where(firings.c.workflow_id == self.workflow(name).id)
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(firings.c.fire_time))]

    def messages(self, name: str) -> list[str]:
        query = select(firings.c.message).where(firings.c.workflow_id == self.workflow(name).id)
        with self.database.read() as connection:
            return list(connection.execute(query.order_by(firings.c.fire_time)).scalars())

    def runs(self, name: str) -> list[Any]:
        query = (
            select(runs, run_data.c.trigger, run_data.c.inputs, run_data.c.fault)
            .join(run_data, run_data.c.run_id == runs.c.id)
            .where(runs.c.workflow_id == self.workflow(name).id)
            .order_by(runs.c.id)
        )
        with self.database.read() as connection:
            return connection.execute(query).all()


def workflow(name: str, trigger: str = "", script: str = "echo hi", extra: str = "") -> str:
    """A workflow file; `trigger` is the block of its trigger `tick`."""
    scheduled = f"triggers:\n  tick: {{{trigger}}}\n" if trigger else ""
    return f"name: {name}\n{scheduled}{extra}tasks:\n  only: {{run: {script}}}\n"


FAULTY = "name: broken\ntasks:\n  only: {run: echo hi, neds: [x]}\n"


def seconds(times: Iterator[tuple[datetime, str]] | list[tuple[datetime, str]]) -> list[tuple[float, str]]:
    """The ledger with times as seconds since the start."""
    return [((time - START).total_seconds(), outcome) for time, outcome in times]
