"""What attempts left to be kept: a row for each file. The contents are in the store of artifacts."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, tuple_

from engine.machine.changes import Changes
from engine.machine.model import Artifact
from engine.store.bulk import Bulk
from engine.store.membership import one_of
from engine.store.tables import artifacts, runs, task_runs

_insert = Bulk(
    artifacts,
    ["run_id", "task_run_id", "attempt", "position", "owner", "name", "size", "sha256", "created_at"],
    keys=4,
)


class ArtifactPlace(NamedTuple):
    """Where a file stands among those of a run."""

    task_run_id: str
    attempt: int
    position: int


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One file. `run_id` is the run whose attempt left it: an earlier one where its result was taken over."""

    run_id: str
    place: ArtifactPlace
    task: str
    key: str
    artifact: Artifact
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """What one task run's last attempt that left anything has left. `index` is that of an item of a fan-out."""

    run_id: str
    index: int | None
    artifacts: tuple[Artifact, ...]


def keep_artifacts(connection: Connection, batch: Sequence[Changes], now: datetime) -> None:
    """Insert what the ended attempts of a batch left."""
    rows = [
        (
            *(changes.run.id, attempt.task_run_id, attempt.number, position, _owner(attempt.task_run_id)),
            *(left.name, left.size, left.sha256, now),
        )
        for changes in batch
        for attempt in changes.attempts
        for position, left in enumerate(attempt.artifacts)
    ]
    _insert.insert(connection, rows)


def left_by(connection: Connection, task_run_ids: Collection[str]) -> dict[str, list[Left]]:
    """Return what was left by each of these task runs, or by the items of those that are fan-outs; none is left out."""
    found: dict[str, list[Left]] = {task_run_id: [] for task_run_id in task_run_ids}
    if not found:
        return found
    query = (
        select(artifacts)
        .where(one_of(artifacts.c.owner, {_owner(task_run_id) for task_run_id in found}))
        .order_by(artifacts.c.task_run_id, artifacts.c.attempt, artifacts.c.position)
    )
    for task_run_id, rows in groupby(connection.execute(query), lambda row: row.task_run_id):
        left = _last(list(rows))
        for asked in {task_run_id, _owner(task_run_id)} & found.keys():
            found[asked].append(left)
    return found


def have_artifacts(connection: Connection, task_run_ids: Collection[str]) -> set[str]:
    """Return those of these task runs that left something, themselves or by an item."""
    return {task_run_id for task_run_id, left in left_by(connection, task_run_ids).items() if left}


def list_artifacts(
    connection: Connection,
    run_id: str,
    *,
    task: str | None = None,
    key: str | None = None,
    name: str | None = None,
    after: ArtifactPlace | None = None,
    limit: int,
) -> list[ArtifactRow]:
    """Return at most `limit` files of a run, in the order of their places: its own, and those of what it took over."""
    place = tuple_(artifacts.c.task_run_id, artifacts.c.attempt, artifacts.c.position)
    query = (
        select(artifacts, task_runs.c.task, task_runs.c.key)
        .join(task_runs, task_runs.c.id == artifacts.c.task_run_id)
        .where(or_(artifacts.c.run_id == run_id, _taken_over(connection, run_id)))
        .order_by(artifacts.c.task_run_id, artifacts.c.attempt, artifacts.c.position)
        .limit(limit)
    )
    wanted = ((task_runs.c.task, task), (task_runs.c.key, key), (artifacts.c.name, name))
    query = query.where(*(column == value for column, value in wanted if value is not None))
    if after is not None:
        query = query.where(place > tuple(after))
    return [_row(row) for row in connection.execute(query)]


def gone_runs(connection: Connection, run_ids: Iterable[str]) -> set[str]:
    """Return those of these ids that name no run (any more)."""
    asked = set(run_ids)
    if not asked:
        return set()
    return asked - set(connection.execute(select(runs.c.id).where(one_of(runs.c.id, asked))).scalars())


def _owner(task_run_id: str) -> str:
    """Return the task run itself, or the fan-out that it is an item of."""
    return task_run_id.partition(".")[0]


def _taken_over(connection: Connection, run_id: str) -> ColumnElement[bool]:
    """Return what finds the files of the results that the run took over; the owner leads through the index."""
    reused_from = task_runs.c.reused_from
    query = select(reused_from).where(task_runs.c.run_id == run_id, reused_from.is_not(None))
    origins = set(connection.execute(query).scalars())
    owners = {_owner(origin) for origin in origins}
    itself = or_(one_of(artifacts.c.owner, origins), one_of(artifacts.c.task_run_id, origins))
    return and_(one_of(artifacts.c.owner, owners), itself)


def _last(rows: Sequence[Row[Any]]) -> Left:
    last = rows[-1]
    index = last.task_run_id.partition(".")[2]
    return Left(last.run_id, int(index) if index else None, tuple(_of_attempt(rows, last.attempt)))


def _of_attempt(rows: Iterable[Row[Any]], attempt: int) -> Iterator[Artifact]:
    return (Artifact(row.name, row.size, row.sha256) for row in rows if row.attempt == attempt)


def _row(row: Row[Any]) -> ArtifactRow:
    place = ArtifactPlace(row.task_run_id, row.attempt, row.position)
    return ArtifactRow(row.run_id, place, row.task, row.key, Artifact(row.name, row.size, row.sha256), row.created_at)
