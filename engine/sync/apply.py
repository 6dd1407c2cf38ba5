"""Carrying a plan out, in the transaction of whoever calls."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.clock import NewId
from engine.machine.model import Run
from engine.store import activation, revisions
from engine.store.activation import Settle
from engine.store.connection import Connection
from engine.store.revisions import Activated, Origin
from engine.sync.plan import Plan


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying did: the revisions that went live, and the runs of triggers that were due before they changed.

    The new revision of a workflow that is pinned is kept, and does not go live.
    """

    activated: tuple[Activated, ...] = ()
    runs: tuple[Run, ...] = ()


def apply(connection: Connection, plan: Plan, origin: Origin, now: datetime, ids: NewId, settle: Settle) -> Applied:
    """Write everything that the plan names. Existing workflows are locked first, so that no pause or pin slips by."""
    touched = [*plan.removed, *(item.standing for item in plan.changed), *(item.standing for item in plan.returned)]
    by_hand = revisions.lock(connection, [item.id for item in touched])
    altered = [(item.standing.id, item.loaded) for item in plan.changed]
    altered += [(item.standing.id, item.loaded) for item in plan.returned if item.revised]  # restored ones are live
    specs = {id_: loaded.workflow.triggers for id_, loaded in altered if id_ not in by_hand.pinned}
    runs = activation.settle_changes(connection, specs, now, settle)
    revisions.archive(connection, [item.id for item in plan.removed], now)
    activated = _activate(connection, plan, origin, now, ids, by_hand.pinned)
    wanted = {item.workflow_id: item.loaded.workflow.triggers for item in activated}
    activation.write(connection, wanted, now, resting=by_hand.paused)
    for moved in plan.moved:
        revisions.move(connection, moved.standing.id, moved.path, now)
    return Applied(tuple(activated), tuple(runs))


def _activate(
    connection: Connection, plan: Plan, origin: Origin, now: datetime, ids: NewId, pinned: Collection[str]
) -> Sequence[Activated]:
    revised = [(item.standing, item.loaded) for item in plan.changed]
    revised += [(item.standing, item.loaded) for item in plan.returned if item.revised]
    back = [item for item in plan.returned if not item.revised]
    returned = [revisions.unarchive(connection, item.standing, item.loaded, origin, now) for item in back]
    return [
        *revisions.create(connection, plan.added, origin, now, ids),
        *revisions.revise(connection, revised, origin, now, ids, pinned=pinned),
        *(item for item in returned if item.workflow_id not in pinned),
    ]
