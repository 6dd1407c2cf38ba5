"""Search across the logs of a workflow's runs: newest first, a bounded bite at a time.

There is no index of words: batches are opened and looked through. So a search says how far it got, and a cursor goes
on from there; a page may be short, even empty, with more to come.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from engine.broker.logs import LogLine, inflate, read_lines
from engine.store.database import Database
from engine.store.reads_log_search import LoggedRun, list_batches_below, list_logged_runs
from engine.store.reads_logs import LogBatchRow
from engine.store.run_filter import CLOCK_SKEW

log = logging.getLogger(__name__)

RUNS_MAX: Final = 5_000
BATCHES_MAX: Final = 1_000
SECONDS_MAX: Final = 2.0
"""How much is looked at for one page. A batch has 64 KiB of lines at most."""

_RUNS_A_LOOK: Final = 500
_BATCHES_A_LOOK: Final = 20
LAST: Final = 2**31 - 1
"""A position after all that a run has."""


class Place(NamedTuple):
    """How far a search got: to this line of this batch, the first `line` lines of which are left, and older ones.

    With no line left, the batches before it.
    """

    run_id: str
    pos: int
    line: int

    def __str__(self) -> str:
        """Return the place as a cursor."""
        return f"{self.run_id}.{self.pos}.{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for: `text` wherever it stands in a line, case ignored, of lines written in [since, until)."""

    workflow_id: str
    text: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One line that was found, and where."""

    run_id: str
    batch: LogBatchRow
    line: LogLine


@dataclass(slots=True)
class Found:
    """What a bite came to. `next` goes on; None: everything was looked at."""

    matches: list[Match] = field(default_factory=list)
    next: Place | None = None
    runs: int = 0
    batches: int = 0


class LogSearch:
    """One bite of a search. `monotonic` gives seconds."""

    def __init__(self, database: Database, wanted: Wanted, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._wanted = wanted
        self._needle = wanted.text.lower()
        # As the text stands in the stored JSON. Other letters than ASCII's are left to the lines themselves.
        self._packed = msgspec.json.encode(self._needle)[1:-1] if wanted.text.isascii() else b""
        self._monotonic = monotonic
        self._deadline = monotonic() + SECONDS_MAX

    def find(self, after: Place | None, limit: int) -> Found:
        """Return at most `limit` lines that come after that place."""
        found = Found()
        for run in self._runs(found, after):
            begin = after if after is not None and after.run_id == run.id else Place(run.id, LAST, 0)
            for batch in self._batches(found, run, begin):
                self._take(found, run.id, batch, begin, limit)
                if found.next is not None:
                    return found
            if found.next is not None:
                return found
        return found

    def _runs(self, found: Found, after: Place | None) -> Iterator[LoggedRun]:
        """Give the runs that may have such lines; the bounds reached, say in `found` where to go on."""
        upto = None if after is None else after.run_id
        while True:
            with self._database.read() as connection:
                runs = list_logged_runs(
                    connection, self._wanted.workflow_id, upto=upto, until=self._wanted.until, limit=_RUNS_A_LOOK + 1
                )
            for run in runs[:_RUNS_A_LOOK]:
                found.runs += 1
                if run.logged and not self._over_before(run):
                    yield run
            if len(runs) <= _RUNS_A_LOOK:
                return
            upto = runs[-1].id
            if found.runs >= RUNS_MAX or self._monotonic() > self._deadline:
                found.next = Place(upto, LAST, 0)
                return

    def _over_before(self, run: LoggedRun) -> bool:
        """Whether the run had ended before the first moment asked for."""
        since = self._wanted.since
        return since is not None and run.finished_at is not None and run.finished_at < since - CLOCK_SKEW

    def _batches(self, found: Found, run: LoggedRun, begin: Place) -> Iterator[LogBatchRow]:
        below = begin.pos if begin.line == 0 else begin.pos + 1
        while below > 0:
            with self._database.read() as connection:
                batches = list_batches_below(connection, run.id, below=below, limit=_BATCHES_A_LOOK)
            for batch in batches:
                found.batches += 1
                yield batch
                if found.batches >= BATCHES_MAX or self._monotonic() > self._deadline:
                    found.next = Place(run.id, batch.pos, 0)
                    return
            if len(batches) < _BATCHES_A_LOOK:
                return
            below = batches[-1].pos

    def _take(self, found: Found, run_id: str, batch: LogBatchRow, begin: Place, limit: int) -> None:
        """Add the lines of a batch that match, the last first."""
        lines = self._promising(run_id, batch)
        end = begin.line if batch.pos == begin.pos and begin.line else len(lines)
        for number in range(end - 1, -1, -1):
            if self._matches(lines[number]):
                if len(found.matches) == limit:
                    found.next = Place(run_id, batch.pos, number + 1)
                    return
                found.matches.append(Match(run_id, batch, lines[number]))

    def _promising(self, run_id: str, batch: LogBatchRow) -> list[LogLine]:
        """Return the lines of a batch, none if none can match. One that is damaged holds nothing up."""
        try:
            packed = inflate(batch.data)
            return read_lines(packed) if self._packed in packed.lower() else []
        except ValueError as error:
            log.warning("run %s, batch %d of its log is passed over: %s", run_id, batch.pos, error)
            return []

    def _matches(self, line: LogLine) -> bool:
        wanted = self._wanted
        if wanted.since is not None and line.at < wanted.since:
            return False
        if wanted.until is not None and line.at >= wanted.until:
            return False
        return self._needle in line.text.lower()
