"""What became of the commits of sources: a row for each that was seen or announced, written with what it speaks of.

A row moves along `OUTCOME_ARROWS` and no other way. `status_due_at` is when its outcome is to be told to the forge: it
is set with each change, so that only the newest outcome is told, however long the telling takes.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dsl.diagnostics import Diagnostic
from engine.commit_outcomes import OUTCOME_ARROWS, CommitOutcome
from engine.events import EventKind, Happening
from engine.store.feed import enter
from engine.store.membership import one_of
from engine.store.plain_text import plain_text
from engine.store.tables import commits, sources

DIAGNOSTICS_MAX: Final = 20
"""Diagnostics kept with a commit; its source has the others."""
TEXT_CHARACTERS_MAX: Final = 2_000
KEPT_MAX: Final = 500
"""Commits kept of each source: the newest, what is not decided, and what is live."""
DELETED_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one commit."""

    outcome: CommitOutcome
    message: str = ""
    diagnostics: Sequence[Diagnostic] = ()
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class CommitRow:
    """One commit of a source. `diagnostics` are JSON values."""

    id: int
    source: str
    version: str
    author: str
    title: str
    seen_at: datetime
    outcome: str
    message: str
    diagnostics: list[Any]
    superseded_by: str | None
    settled_at: datetime | None
    status_tries: int
    status_error: str


_COLUMNS = tuple(commits.c[name] for name in CommitRow.__dataclass_fields__)
_UNDECIDED: Final = "nobody has synced its source: is it suspended, is `chronoverse sync` running?"
_PENDING: Final = commits.c.outcome == str(CommitOutcome.PENDING)


def see(
    connection: Connection, source: str, version: str, now: datetime, *, author: str, title: str, report: bool
) -> bool:
    """Enter a commit as pending; return False where it is known already. Whose it is may become known later."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(commits)
    new = insert.values(
        source=source,
        version=version,
        author=_bounded(author),
        title=_bounded(title),
        seen_at=now,
        outcome=str(CommitOutcome.PENDING),
        diagnostics=[],
        status_due_at=now if report else None,
    )
    entered = connection.execute(new.on_conflict_do_nothing().returning(commits.c.id)).one_or_none() is not None
    if not entered and author:
        unnamed = (commits.c.source == source, commits.c.version == version, commits.c.author == "")
        connection.execute(update(commits).where(*unnamed).values(author=_bounded(author), title=_bounded(title)))
    return entered


def owed(connection: Connection, source: str, version: str, decision: Decision) -> bool:
    """Whether `settle` would write something."""
    row = _find(connection, source, version)
    if row is None:
        return False
    return _changes(row, decision) or bool(_overtaken(connection, row, decision))


def settle(
    connection: Connection, source: str, version: str, decision: Decision, now: datetime, *, report: bool
) -> bool:
    """Write what becomes of an entered commit, and of those that it overtook; return whether there was something."""
    row = _find(connection, source, version, lock=True)
    if row is None:
        return False
    changed = _changes(row, decision)
    if changed:
        _write(connection, [row.id], decision, now, report=report)
    overtaken = _overtaken(connection, row, decision)
    _write(connection, overtaken, superseded(version), now, report=report)
    return changed or bool(overtaken)


def settle_pending(
    connection: Connection, ids: Collection[int], decision: Decision, now: datetime, *, report: bool
) -> None:
    """Write what becomes of commits that are still pending."""
    locked = select(commits.c.id).where(one_of(commits.c.id, ids), _PENDING).with_for_update()
    _write(connection, list(connection.execute(locked).scalars()), decision, now, report=report)


def give_up(connection: Connection, before: datetime, now: datetime) -> int:
    """End commits of any source that have been pending since before that moment, a bite of them; return how many.

    Whoever syncs a source decides its commits: these are of sources that nobody has synced.
    """
    late = select(commits.c.id).where(_PENDING, commits.c.seen_at < before).limit(DELETED_MAX).with_for_update()
    ids = list(connection.execute(late).scalars())
    _write(connection, ids, Decision(CommitOutcome.FAILED, _UNDECIDED), now, report=False)
    return len(ids)


def pending(connection: Connection, source: str) -> list[CommitRow]:
    """Return the commits of a source that are not decided, in the order in which they were seen."""
    query = select(*_COLUMNS).where(commits.c.source == source, _PENDING).order_by(commits.c.id).limit(KEPT_MAX)
    return [CommitRow(*row) for row in connection.execute(query)]


def find_commits(connection: Connection, source: str, prefix: str, limit: int = 2) -> list[CommitRow]:
    """Return the commits whose name begins so, at most `limit`."""
    where = (commits.c.source == source, commits.c.version.startswith(prefix, autoescape=True))
    return [CommitRow(*row) for row in connection.execute(select(*_COLUMNS).where(*where).limit(limit))]


def list_commits(connection: Connection, source: str, *, before: int | None, limit: int) -> list[CommitRow]:
    """Return commits of a source, those seen last first, with ids below `before`."""
    query = select(*_COLUMNS).where(commits.c.source == source).order_by(commits.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(commits.c.id < before)
    return [CommitRow(*row) for row in connection.execute(query)]


def forget_commits(connection: Connection, kept_max: int = KEPT_MAX) -> int:
    """Delete commits that a source has beyond `kept_max`, or whose source is gone, a bite of them; return how many."""
    orphans = select(commits.c.id).where(commits.c.source.not_in(select(sources.c.name))).limit(DELETED_MAX)
    gone = connection.execute(delete(commits).where(commits.c.id.in_(orphans))).rowcount
    counted = select(commits.c.source).group_by(commits.c.source).having(func.count() > kept_max).limit(100)
    crowded = connection.execute(counted).scalars().all()
    return gone + sum(_forget(connection, source, kept_max) for source in crowded)


def superseded(by: str) -> Decision:
    """Return the decision on a commit that a newer one overtook."""
    return Decision(CommitOutcome.SUPERSEDED, f"{by[:12]} came before it was applied", superseded_by=by)


def _forget(connection: Connection, source: str, kept_max: int) -> int:
    mine = commits.c.source == source
    newest = select(commits.c.id).where(mine).order_by(commits.c.id.desc())
    oldest_kept = connection.execute(newest.offset(kept_max - 1).limit(1)).scalar()
    live = select(sources.c.applied_version).where(sources.c.name == source, sources.c.applied_version.is_not(None))
    gone = select(commits.c.id).where(mine, commits.c.id < oldest_kept, ~_PENDING, commits.c.version.not_in(live))
    ids = list(connection.execute(gone.order_by(commits.c.id).limit(DELETED_MAX)).scalars())
    connection.execute(delete(commits).where(one_of(commits.c.id, ids)))
    return len(ids)


def _find(connection: Connection, source: str, version: str, *, lock: bool = False) -> CommitRow | None:
    query = select(*_COLUMNS).where(commits.c.source == source, commits.c.version == version)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else CommitRow(*row)


def _changes(row: CommitRow, decision: Decision) -> bool:
    was = CommitOutcome(row.outcome)
    if decision.outcome is was:
        return (row.message, row.diagnostics) != (_bounded(decision.message), _listed(decision.diagnostics))
    return decision.outcome in OUTCOME_ARROWS[was]


def _overtaken(connection: Connection, row: CommitRow, decision: Decision) -> list[int]:
    """Return the pending commits that were seen before one that is live or rejected now."""
    if decision.outcome not in {CommitOutcome.LIVE, CommitOutcome.REJECTED}:
        return []
    where: Iterable[ColumnElement[bool]] = (commits.c.source == row.source, commits.c.id < row.id, _PENDING)
    return list(connection.execute(select(commits.c.id).where(*where)).scalars())


def _write(connection: Connection, ids: Collection[int], decision: Decision, now: datetime, *, report: bool) -> None:
    if not ids:
        return
    values = {
        "outcome": str(decision.outcome),
        "message": _bounded(decision.message),
        "diagnostics": _listed(decision.diagnostics),
        "superseded_by": decision.superseded_by,
        "settled_at": now,
        "status_due_at": now if report else None,
        "status_tries": 0,
        "status_error": "",
    }
    _tell(connection, ids, decision, now)
    connection.execute(update(commits).where(one_of(commits.c.id, ids)).values(values))


def _tell(connection: Connection, ids: Collection[int], decision: Decision, now: datetime) -> None:
    """Enter what becomes of commits, where that is another outcome than before."""
    query = select(commits.c.source, commits.c.version, commits.c.title)
    others = query.where(one_of(commits.c.id, ids), commits.c.outcome != str(decision.outcome)).order_by(commits.c.id)
    said = {"outcome": str(decision.outcome), "message": _bounded(decision.message)}
    happenings = [
        Happening(EventKind.COMMIT_SETTLED, now, source=row[0], data={"commit": row[1], "title": row[2], **said})
        for row in connection.execute(others)
    ]
    enter(connection, happenings)


def _bounded(text: str) -> str:
    return plain_text(text)[:TEXT_CHARACTERS_MAX]


def _listed(diagnostics: Sequence[Diagnostic]) -> list[Any]:
    return [msgspec.to_builtins(item) for item in diagnostics[:DIAGNOSTICS_MAX]]
