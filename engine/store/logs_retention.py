"""Logs of ended runs go before their runs do: by age and by size, in bounded bites."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from engine.store.bulk import Bulk
from engine.store.membership import one_of
from engine.store.retention import ROWS_MAX, RUNS_MAX, delete_some
from engine.store.tables import log_batches, workflows
from engine.store.tables_rollups import run_logs

MEASURED_MAX: Final = 200

_measured = Bulk(run_logs, ["run_id", "bytes"])


@dataclass(frozen=True, slots=True)
class Scope:
    """A workflow that may have logs, archived or not."""

    workflow_id: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class KeptLog:
    """The log of an ended run, and how many bytes it has as stored; None where that is not measured yet."""

    run_id: str
    bytes: int | None


def list_scopes(connection: Connection) -> list[Scope]:
    """Return every workflow that there ever was."""
    query = select(workflows.c.id, workflows.c.namespace, workflows.c.name)
    return [Scope(*row) for row in connection.execute(query)]


def measure_logs(connection: Connection, finished_before: datetime) -> int:
    """Measure the logs of runs that ended before that moment and are not measured; return how many were looked at.

    Runs without a log are forgotten here: at most `MEASURED_MAX` a call.
    """
    waiting = select(run_logs.c.run_id).where(run_logs.c.bytes.is_(None), run_logs.c.finished_at < finished_before)
    run_ids = list(connection.execute(waiting.order_by(run_logs.c.finished_at).limit(MEASURED_MAX)).scalars())
    if not run_ids:
        return 0
    sizes = select(log_batches.c.run_id, func.sum(func.length(log_batches.c.data)))
    sizes = sizes.where(one_of(log_batches.c.run_id, run_ids)).group_by(log_batches.c.run_id)
    found = {row[0]: int(row[1]) for row in connection.execute(sizes)}
    _measured.update(connection, list(found.items()))
    empty = [run_id for run_id in run_ids if run_id not in found]
    connection.execute(delete(run_logs).where(one_of(run_logs.c.run_id, empty)))
    return len(run_ids)


def stored_bytes(connection: Connection, workflow_ids: Collection[str] | None) -> int:
    """Return how many bytes the measured logs of these workflows (None: of all) have together."""
    query = select(func.coalesce(func.sum(run_logs.c.bytes), 0)).where(*_kept_of(workflow_ids))
    return int(connection.execute(query).scalar_one())


def list_oldest_logs(
    connection: Connection, workflow_ids: Collection[str] | None, *, finished_before: datetime | None, limit: int
) -> list[KeptLog]:
    """Return at most `limit` logs of these workflows (None: of all), those of the runs first that ended first."""
    query = select(run_logs.c.run_id, run_logs.c.bytes).where(*_kept_of(workflow_ids))
    if finished_before is not None:
        query = query.where(run_logs.c.finished_at < finished_before)
    return [KeptLog(*row) for row in connection.execute(query.order_by(run_logs.c.finished_at).limit(limit))]


def delete_logs(connection: Connection, run_ids: Sequence[str], now: datetime) -> bool:
    """Delete logs of these runs (at most `RUNS_MAX`), `ROWS_MAX` batches a call; return whether all is gone.

    The last lines go first: what is left of a log has no gap.
    """
    assert len(run_ids) <= RUNS_MAX
    order = [column.desc() for column in log_batches.primary_key.columns]
    where = one_of(log_batches.c.run_id, run_ids)
    if delete_some(connection, log_batches, where, ROWS_MAX, *order) == ROWS_MAX:
        return False
    connection.execute(update(run_logs).where(one_of(run_logs.c.run_id, run_ids)).values(bytes=0, removed_at=now))
    return True


def _kept_of(workflow_ids: Collection[str] | None) -> list[ColumnElement[Any]]:
    kept: list[ColumnElement[Any]] = [run_logs.c.removed_at.is_(None)]
    return kept if workflow_ids is None else [*kept, one_of(run_logs.c.workflow_id, workflow_ids)]
