"""The roll-up: ended runs become figures by hour and day, a bite a transaction."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from engine.analytics import Width
from engine.services.service import LoopService
from engine.store.database import Database
from engine.store.rollups import add_counted, count_ended
from engine.store.rollups_kept import forget_figures

TURN_SECONDS: Final = 5.0
BREATH_SECONDS: Final = 0.02
"""Between two bites of many: the engine writes to the same database."""

KEPT: Final = {Width.HOUR: timedelta(days=40), Width.DAY: timedelta(days=800)}
"""How long figures are kept; those of runs that are deleted stay."""


class RollUp(LoopService):
    """The loop that counts ended runs; one process at a time runs it, and if two did, a run would be counted once."""

    name = "roll-up"

    def __init__(self, database: Database, *, turn_seconds: float = TURN_SECONDS) -> None:
        super().__init__()
        self._database = database
        self._turn_seconds = turn_seconds

    def turn(self) -> None:
        """Wait, then count all there is, unless another process does."""
        if not self.pause(self._turn_seconds):
            return
        with self._database.exclusive("roll-up") as mine:
            while mine and self.count() and self.pause(BREATH_SECONDS):
                pass

    def count(self) -> int:
        """Count one bite of ended runs; return how many were noted, 0 when there are none."""
        with self._database.read() as connection:
            counted = count_ended(connection)
        if counted.run_ids:
            with self._database.write() as connection:
                add_counted(connection, counted)
        return len(counted.run_ids)


def forget_old_figures(database: Database, now: datetime, stopping: Callable[[], bool] = lambda: False) -> None:
    """Delete figures that are older than `KEPT`, a bite a transaction, until `stopping` says that it is enough."""
    for width, kept in KEPT.items():
        forgotten = 1
        while forgotten and not stopping():
            with database.write() as connection:
                forgotten = forget_figures(connection, width, now - kept)
