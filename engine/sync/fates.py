"""What becomes of each commit that a source's sync sees, or that its forge announced: written beside what is applied.

A source without commits, such as a folder, has none of this.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from dsl.diagnostics import Severity
from engine.commit_outcomes import CommitOutcome
from engine.store import commits
from engine.store.commits import CommitRow, Decision
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.sources import SourceState
from engine.sync.conditions import APPLIED, Findings
from engine.sync.source import FetchError, Relation, Snapshot, Source

ANNOUNCED: Final = timedelta(minutes=15)
"""How long a commit that a forge announced is waited for, where the source does not come to hold it."""
COMPARED_MAX: Final = 5
"""Announced commits that one sync compares with what the source holds: each may cost a look at its history."""


class Fates:
    """The commits of one source. Used by one thread."""

    def __init__(self, database: Database, source: Source, now: Callable[[], datetime]) -> None:
        self._database = database
        self._source = source
        self._now = now
        self._seen: tuple[str, str] | None = None
        self._compared: set[tuple[str, str]] = set()
        self._snapshot: Snapshot | None = None
        self._news = False

    def see(self, snapshot: Snapshot) -> None:
        """Enter the snapshot's commit before anything is made of it: what is seen is never left without an end."""
        self._snapshot = snapshot
        if snapshot.commit is not None:
            self._enter(snapshot.commit, snapshot.author or "", snapshot.title)

    def owes(self, snapshot: Snapshot, decision: Decision) -> bool:
        """Whether the decision is news."""
        if snapshot.commit is None:
            return False
        with self._database.read() as connection:
            return commits.owed(connection, self._source.name, snapshot.commit, decision)

    def settle(self, connection: Connection, snapshot: Snapshot, decision: Decision, now: datetime) -> None:
        """Write the decision, in the transaction that carries it out."""
        if snapshot.commit is not None:
            settled = commits.settle(
                connection, self._source.name, snapshot.commit, decision, now, report=self._reports
            )
            self._news = self._news or settled

    def not_fetched(self, error: FetchError) -> None:
        """End the commit that cannot be taken, if the error is of one, and those waited for in vain."""
        if error.version is not None:
            self._enter(error.version, "", "")
            self._fail(error.version, Decision(CommitOutcome.FAILED, str(error)))
        self._give_up(self._pending(error.version), f"it was announced, but the source could not be read: {error}")

    def tidy(self) -> None:
        """End announced commits that the one last seen has overtaken, and those waited for in vain.

        While one is waited for, the source is asked at each look.
        """
        snapshot = self._snapshot
        if snapshot is None or snapshot.commit is None:
            return
        others = self._pending(snapshot.commit)
        if others:
            overtaken = [row for row in others[:COMPARED_MAX] if self._overtaken(row, snapshot)]
            self._end(overtaken, commits.superseded(snapshot.commit))
            rest = [row for row in others if row not in overtaken]
            if self._give_up(rest, "it was announced, but the source does not hold it: was it taken back?") < len(rest):
                self._source.nudge()  # forges announce what their git servers may give out a moment later

    def news(self) -> bool:
        """Whether something was written since this was last asked."""
        news, self._news = self._news, False
        return news

    @property
    def _reports(self) -> bool:
        return bool(self._source.config.get("status"))

    def _enter(self, version: str, author: str, title: str) -> None:
        if (version, author) == self._seen:
            return
        with self._database.write() as connection:
            new = commits.see(
                connection,
                self._source.name,
                version,
                self._now(),
                author=author,
                title=title,
                report=self._reports,
            )
        self._news = self._news or new
        self._seen = (version, author)

    def _pending(self, apart_from: str | None) -> list[CommitRow]:
        with self._database.read() as connection:
            found = commits.pending(connection, self._source.name)
        return [row for row in found if row.version != apart_from]

    def _overtaken(self, row: CommitRow, snapshot: Snapshot) -> bool:
        """Whether what the source holds came after an announced commit. Each pair is compared once."""
        pair = (snapshot.version, row.version)
        if snapshot.relation is None or pair in self._compared:
            return False
        self._compared = {known for known in self._compared if known[0] == snapshot.version} | {pair}
        try:
            return snapshot.relation(row.version, None) in {Relation.NEWER, Relation.REWRITTEN}
        except FetchError:
            return False

    def _fail(self, version: str, decision: Decision) -> None:
        name = self._source.name
        with self._database.read() as connection:
            owed = commits.owed(connection, name, version, decision)
        if owed:
            with self._database.write() as connection:
                commits.settle(connection, name, version, decision, self._now(), report=self._reports)
            self._news = True

    def _give_up(self, rows: list[CommitRow], message: str) -> int:
        before = self._now() - ANNOUNCED
        late = [row for row in rows if row.seen_at <= before]
        self._end(late, Decision(CommitOutcome.FAILED, message))
        return len(late)

    def _end(self, rows: list[CommitRow], decision: Decision) -> None:
        if rows:
            with self._database.write() as connection:
                commits.settle_pending(
                    connection, [row.id for row in rows], decision, self._now(), report=self._reports
                )
            self._news = True


def decide(found: Findings, state: SourceState) -> Decision:
    """Return what becomes of the commit that was looked at. Errors stand before warnings."""
    message = state.conditions[APPLIED].message
    if found.behind:
        return Decision(CommitOutcome.SUPERSEDED, message, superseded_by=found.behind)
    diagnostics = sorted(state.diagnostics, key=lambda item: item.severity is not Severity.ERROR)
    outcome = CommitOutcome.REJECTED if found.rejected else CommitOutcome.LIVE
    return Decision(outcome, message, diagnostics)
