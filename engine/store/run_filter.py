"""Which runs are asked for, and by which index they are found.

A list over a million runs costs what a page costs when the walk goes along an index that is in the order of ids and
names what is rarest. The databases cannot know what is rare (SQLite keeps no statistics of values), so it is counted
here, up to a bound. `docs/indexes.md` says which index serves which filter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select

from engine.store.tables import run_labels, runs

COUNTED_MAX: Final = 2_000
"""How far is counted to tell what is rare: what reaches it counts as common."""

CLOCK_SKEW: Final = timedelta(minutes=10)
"""How far a run's id (drawn by the process's clock) and its `created_at` (the database's) may lie apart."""

Label = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are asked for; None and empty do not filter. `labels` must all match; `until` is exclusive."""

    workflow_id: str | None = None
    states: Sequence[str] = ()
    labels: Sequence[Label] = ()
    since: datetime | None = None
    until: datetime | None = None
    trigger: str | None = None
    backfill: str | None = None


def id_floor(moment: datetime) -> str:
    """Return the least UUIDv7 (RFC 9562, 48 bits of milliseconds first) of a moment."""
    digits = f"{max(int(moment.timestamp() * 1000), 0):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


def ids_matching(connection: Connection, wanted: RunFilter, state: str | None, before: str | None) -> Select[Any]:
    """Return the query for the ids of runs in a state (None: in any) that match, newest first, below `before`."""
    if not wanted.labels:
        return _from_runs(wanted, state, before)
    narrow = _narrowings(wanted, state)
    if not narrow and len(wanted.labels) == 1:
        return _from_label(wanted, wanted.labels, state, before)
    labelled = {label: select(run_labels.c.run_id).where(*_has(wanted, label)) for label in wanted.labels}
    counts = {label: _count(connection, query) for label, query in labelled.items()}
    labels = sorted(wanted.labels, key=lambda label: counts[label])
    least = min((_count(connection, select(runs.c.id).where(*each)) for each in narrow), default=COUNTED_MAX)
    if least < counts[labels[0]]:
        return _from_runs(wanted, state, before)
    return _from_label(wanted, labels, state, before)


def _narrowings(wanted: RunFilter, state: str | None) -> list[list[ColumnElement[bool]]]:
    """Return the conditions that an index answers by itself, each to be counted."""
    found: list[list[ColumnElement[bool]]] = []
    of_state = [] if state is None else [runs.c.state == state]
    if wanted.workflow_id is not None:
        found.append([runs.c.workflow_id == wanted.workflow_id, *of_state])
    elif of_state:
        found.append(of_state)
    if wanted.trigger is not None:
        found.append([runs.c.trigger_kind == wanted.trigger])
    if wanted.backfill is not None:
        found.append([runs.c.backfill_id == wanted.backfill])
    return found


def _count(connection: Connection, some: Select[Any]) -> int:
    counted = select(func.count()).select_from(some.limit(COUNTED_MAX).subquery())
    return connection.execute(counted).scalar_one()


def _from_runs(wanted: RunFilter, state: str | None, before: str | None) -> Select[Any]:
    """Walk an index of runs, and look at the labels of each."""
    labelled = run_labels.c.run_id == runs.c.id
    labels = [
        exists().where(labelled, run_labels.c.key == key, run_labels.c.value == value) for key, value in wanted.labels
    ]
    conditions = _conditions(wanted, state, before, runs.c.id)
    return select(runs.c.id).where(*conditions, *labels).order_by(runs.c.id.desc())


def _from_label(wanted: RunFilter, labels: Sequence[Label], state: str | None, before: str | None) -> Select[Any]:
    """Walk the runs of the first label, which are in the order of ids, and look at the rest of each."""
    leading = run_labels.alias("label_0")
    query = select(leading.c.run_id.label("id")).join(runs, runs.c.id == leading.c.run_id)
    for number, (key, value) in enumerate(labels[1:], 1):
        label = run_labels.alias(f"label_{number}")
        same = and_(label.c.run_id == leading.c.run_id, label.c.key == key, label.c.value == value)
        query = query.join(label, same)
    key, value = labels[0]
    query = query.where(leading.c.key == key, leading.c.value == value)
    if wanted.workflow_id is not None:
        query = query.where(leading.c.workflow_id == wanted.workflow_id)
    return query.where(*_conditions(wanted, state, before, leading.c.run_id)).order_by(leading.c.run_id.desc())


def _has(wanted: RunFilter, label: Label) -> list[ColumnElement[bool]]:
    """Return what an index of labels answers by itself."""
    of_workflow = [] if wanted.workflow_id is None else [run_labels.c.workflow_id == wanted.workflow_id]
    return [run_labels.c.key == label[0], run_labels.c.value == label[1], *of_workflow]


def _conditions(
    wanted: RunFilter, state: str | None, before: str | None, run_id: ColumnElement[str]
) -> list[ColumnElement[bool]]:
    """Return all but the labels.

    The times bound the id as well as `created_at`, so that an old span is found by the key and not by walking to it.
    """
    conditions = [
        None if before is None else run_id < before,
        None if wanted.workflow_id is None else runs.c.workflow_id == wanted.workflow_id,
        None if state is None else runs.c.state == state,
        None if wanted.trigger is None else runs.c.trigger_kind == wanted.trigger,
        None if wanted.backfill is None else runs.c.backfill_id == wanted.backfill,
    ]
    if wanted.since is not None:
        conditions += [runs.c.created_at >= wanted.since, run_id >= id_floor(wanted.since - CLOCK_SKEW)]
    if wanted.until is not None:
        conditions += [runs.c.created_at < wanted.until, run_id < id_floor(wanted.until + CLOCK_SKEW)]
    return [item for item in conditions if item is not None]
