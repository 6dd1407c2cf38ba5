"""Backfills over a real database: the actions, loops that are led by hand, and runs that end when they are told to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from engine.backfilling import Policy
from engine.services.asked_backfills import Wanted
from engine.services.backfiller import Backfiller
from engine.services.backfills import Backfills, Standing
from engine.services.revision_cache import RevisionCache
from engine.store import reads_backfills as store
from engine.store.database import Database
from engine.store.reads_backfills import BackfillRow
from engine.store.tables import firings, runs
from tests.contract.sync.world import START, World, workflow

HOURLY = 'cron: "0 * * * *"'


class BackfillWorld(World):
    """One workflow `alpha` with the schedule `tick`, and backfills of it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.backfills = Backfills(database, self.broker, RevisionCache(database), self.clock, self.ids)
        self.loop = self.new_loop()

    def new_loop(self) -> Backfiller:
        return Backfiller(self.database, self.broker, clock=self.clock, ids=self.ids)

    def alpha(self, trigger: str = HOURLY, extra: str = "") -> None:
        self.sync(a=workflow("alpha", trigger, extra=extra))

    def wanted(self, hours: float = 5, *, until: datetime | None = None, **given: Any) -> Wanted:
        """A range of so many hours that ends at the start of the test."""
        until = until or START
        policy = Policy(given.pop("only", "missing"))
        return Wanted(since=until - timedelta(hours=hours), until=until, policy=policy, **given)

    def create(self, hours: float = 5, **given: Any) -> str:
        made = self.backfills.create("default", "alpha", self.wanted(hours, **given), by="me")
        assert isinstance(made, Standing)
        return made.row.id

    def plan(self, hours: float = 5, **given: Any) -> list[tuple[int, str]]:
        """The hours of the plan and why each is run or not, `+` before those that are."""
        decisions = self.backfills.plan("default", "alpha", self.wanted(hours, **given)).decisions
        return [(item.fire_time.hour, f"{'+' if item.runs else '-'}{item.why}") for item in decisions]

    def show(self, backfill_id: str) -> BackfillRow:
        with self.database.read() as connection:
            found = store.read_backfill(connection, backfill_id)
        assert found is not None
        return found

    def step(self, loop: Backfiller | None = None) -> None:
        """Let a loop go on until it has nothing more to do at once."""
        loop = loop or self.loop
        while loop.carry_on() == 0.0:
            pass

    def open(self, backfill_id: str) -> list[str]:
        with self.database.read() as connection:
            return list(store.open_runs(connection, backfill_id))

    def end(self, run_ids: Sequence[str], state: str = "succeeded") -> None:
        """Let these runs end."""
        values = {"state": state, "finished_at": self.clock()}
        with self.database.write() as connection:
            connection.execute(update(runs).where(runs.c.id.in_(list(run_ids))).values(values))

    def finish(self, backfill_id: str, state: str = "succeeded", turns: int = 1000) -> None:
        """Carry a backfill to its end; each run ends in `state`."""
        for _ in range(turns):
            self.step()
            if self.show(backfill_id).state != "running":
                return
            self.end(self.open(backfill_id), state)
        raise AssertionError("the backfill does not end")

    def made(self, backfill_id: str) -> list[Any]:
        """The runs of a backfill, in the order in which they were made: (nominal time, state)."""
        query = select(firings.c.fire_time, runs.c.state, runs.c.id).join(runs, runs.c.id == firings.c.run_id)
        with self.database.read() as connection:
            rows = connection.execute(query.where(runs.c.backfill_id == backfill_id).order_by(runs.c.id)).all()
        return [(row.fire_time, row.state) for row in rows]

    def hours(self, backfill_id: str) -> list[int]:
        """The hours of the runs of a backfill, in the order in which they were made."""
        return [time.hour for time, _ in self.made(backfill_id)]

    def times(self, backfill_id: str) -> list[tuple[int, str, str]]:
        """The hours that are decided, in order, with outcome and message."""
        with self.database.read() as connection:
            rows = store.list_times(connection, self.show(backfill_id), after=None, limit=1000)
        return [(row.fire_time.hour, row.outcome, row.message) for row in rows]
