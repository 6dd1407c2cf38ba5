"""Reads for plans: what is on its way of workflows that would change. Writes nothing, and promises no lock."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from engine.machine.states import RunState
from engine.store.membership import one_of
from engine.store.tables import runs, workflows

IDS_MAX: Final = 20
"""Runs of a workflow that are named."""
_LIVE: Final = (RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class InFlight:
    """The runs of a workflow that have not ended: how many, and the newest of them by id."""

    count: int
    ids: tuple[str, ...]


def in_flight(connection: Connection, workflow_ids: Collection[str]) -> dict[str, InFlight]:
    """Return the runs that have not ended, by workflow id; a workflow without any is left out."""
    query = (
        select(runs.c.workflow_id, func.count())
        .where(one_of(runs.c.workflow_id, workflow_ids), runs.c.state.in_(_LIVE))
        .group_by(runs.c.workflow_id)
    )
    counts = connection.execute(query).all()
    return {workflow_id: InFlight(count, _newest(connection, workflow_id)) for workflow_id, count in counts}


def paused(connection: Connection, workflow_ids: Collection[str]) -> frozenset[str]:
    """Return those of the workflows that are paused."""
    query = select(workflows.c.id).where(one_of(workflows.c.id, workflow_ids), workflows.c.paused_at.is_not(None))
    return frozenset(connection.execute(query).scalars())


def _newest(connection: Connection, workflow_id: str) -> tuple[str, ...]:
    query = select(runs.c.id).where(runs.c.workflow_id == workflow_id, runs.c.state.in_(_LIVE))
    return tuple(connection.execute(query.order_by(runs.c.id.desc()).limit(IDS_MAX)).scalars())
